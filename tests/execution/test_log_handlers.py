"""A log handler that raises: standard ones report their own errors, and others do not stop a run in the middle."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import IntegrityError, migrations, models

from django_zero_downtime_migrations.execution.progress import progress
from tests.backends.project import Shop
from tests.backends.sessions import Beside, run, wait_until

BOOK = migrations.CreateModel(
    "book", [("id", models.BigAutoField(primary_key=True)), ("pages", models.IntegerField(null=True))]
)
INDEX = migrations.AddIndex("book", models.Index(fields=["pages"], name="by_pages"))
NOT_NULL = migrations.AlterField("book", "pages", models.IntegerField())


class Raising(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.asked: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.asked.append((threading.current_thread().name, record.getMessage()))
        raise OSError("the disk is full")


@pytest.fixture
def raising() -> Iterator[Raising]:
    logger = logging.getLogger("django_zero_downtime_migrations")
    level, handler = logger.level, Raising()
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(level)


def test_does_not_end_a_migration(raising: Raising, shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.migrate(BOOK)
    shop.migrate(INDEX, NOT_NULL)
    assert any("short step: " in text for _, text in raising.asked)
    assert shop.run("SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_pages'::regclass") == [(True,)]
    said = capsys.readouterr().err
    assert "A handler of the log 'django_zero_downtime_migrations' failed (OSError('the disk is full')) for: " in said


def test_does_not_hide_what_went_wrong_nor_keep_it_from_being_taken_back(raising: Raising, shop: Shop) -> None:
    shop.migrate(BOOK)
    shop.run("INSERT INTO shop_book (pages) VALUES (NULL)")
    with pytest.raises(IntegrityError):
        shop.migrate(NOT_NULL)
    assert raising.asked
    kinds = shop.run("SELECT contype::text FROM pg_constraint WHERE conrelid = 'shop_book'::regclass AND contype = 'c'")
    assert kinds == []


def test_does_not_end_the_progress(raising: Raising, shop: Shop, other_session: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(progress, "FIRST_SECONDS", 0.01)
    monkeypatch.setattr(progress, "EVERY_SECONDS", 0.01)
    monkeypatch.setattr(progress, "LOG_EVERY_SECONDS", 0.01)
    shop.migrate(BOOK)
    run(other_session, "INSERT INTO shop_book (pages) VALUES (1)")

    def told() -> list[str]:
        return [text for thread, text in raising.asked if thread == progress.PROGRESS and "Waits for" in text]

    with Beside(lambda: shop.migrate(INDEX)) as work:
        wait_until(lambda: len(told()) > 1, "progress to be told again", work)
        other_session.rollback()
        work.result()
    assert shop.run("SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_pages'::regclass") == [(True,)]


def test_is_told_nowhere_where_logging_has_been_told_so(
    raising: Raising, shop: Shop, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    shop.migrate(BOOK)
    shop.migrate(INDEX)
    assert raising.asked
    assert capsys.readouterr().err == ""


def test_terminal_that_is_gone_does_not_end_a_step(shop: Shop) -> None:
    class Gone:
        def show(self, text: str) -> None:
            raise BrokenPipeError

        close = show

    shop.migrate(BOOK)

    class Shown(progress.Progress):
        def __init__(self, *arguments: Any, **more: Any) -> None:
            super().__init__(*arguments, **more)
            self._line = Gone()  # type: ignore[assignment]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("django_zero_downtime_migrations.execution.progress.progress.Progress", Shown)
        shop.migrate(INDEX)
    assert shop.run("SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_pages'::regclass") == [(True,)]
