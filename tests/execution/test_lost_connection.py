"""Timeouts of the role or the database that end the session, and the way on when it has ended."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, nullcontext
from typing import Any

import pytest
from django.contrib.postgres.operations import ValidateConstraint
from django.db import IntegrityError, OperationalError, migrations, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from django_zero_downtime_migrations.execution.locks import acquire, limits
from django_zero_downtime_migrations.execution.one_migrate import one_at_a_time, turn
from tests import databases
from tests.backends.project import Shop
from tests.backends.sessions import WAITING, Beside, run, told, wait_until

pytestmark = pytest.mark.slow

ID = ("id", models.BigAutoField(primary_key=True))
BOOK = migrations.CreateModel("book", [ID, ("title", models.CharField(max_length=20, null=True))])
ADD_PAGES = migrations.AddField("book", "pages", models.IntegerField(null=True))
ADD_INDEX = migrations.AddIndex("book", models.Index(fields=["title"], name="by_title"))
LOST = r"terminating connection|closed the connection"
LIMITS = """
SELECT name FROM pg_settings WHERE name IN
('statement_timeout', 'transaction_timeout', 'idle_session_timeout', 'idle_in_transaction_session_timeout')
"""
WAITED = """
SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
AND now() - query_start > interval '1500 ms'
"""
WRITES = "INSERT INTO shop_book (title) VALUES ('mine')"


@pytest.fixture
def books(shop: Shop, settings: Any) -> Shop:
    settings.ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT = "2s"
    shop.migrate(BOOK)
    return shop


@pytest.fixture
def limited(books: Shop, settings: Any, other_session: Any, observer: Any) -> Shop:
    """Give new sessions, not the test's own, every timeout that the server knows, all of a second."""
    settings.ZERO_DOWNTIME_MIGRATIONS_FLEXIBLE_STATEMENT_TIMEOUT = True
    name = books.connection.settings_dict["NAME"]
    for (limit,) in books.run(LIMITS):
        books.run(f"ALTER DATABASE \"{name}\" SET {limit} = '1s'")
    books.connection.close()
    return books


def timeouts(shop: Shop) -> list[tuple[Any, ...]]:
    return shop.run("SELECT name, setting FROM pg_settings WHERE name LIKE '%timeout%' ORDER BY name")


def valid(session: Any) -> list[tuple[Any, ...]]:
    return run(session, "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('by_title')")


def test_a_build_outlasts_them(limited: Shop, other_session: Any, observer: Any) -> None:
    """The build waits for another transaction for longer than a second; its settings are the session's."""
    before = timeouts(limited)
    limited.connection.close()
    run(other_session, WRITES)
    with Beside(lambda: (limited.migrate(ADD_INDEX), timeouts(limited))) as work:
        wait_until(lambda: run(observer, WAITED), "the build waits", work)
        other_session.commit()
        assert work.result()[1] == before
    assert valid(observer) == [(True,)]


def test_a_validation_outlasts_them(limited: Shop, other_session: Any, observer: Any) -> None:
    limited.run("ALTER TABLE shop_book ADD CONSTRAINT titled CHECK (title > '') NOT VALID")
    before = timeouts(limited)
    limited.connection.close()
    run(other_session, "LOCK TABLE shop_book IN SHARE UPDATE EXCLUSIVE MODE")
    with Beside(lambda: (limited.migrate(ValidateConstraint("book", "titled")), timeouts(limited))) as work:
        wait_until(lambda: run(observer, WAITED), "the validation waits", work)
        other_session.rollback()
        assert work.result()[1] == before
    assert run(observer, "SELECT convalidated FROM pg_constraint WHERE conname = 'titled'") == [(True,)]


def test_an_attempt_and_the_pause_after_it_outlast_them(
    limited: Shop, other_session: Any, settings: Any, monkeypatch: Any, caplog: Any
) -> None:
    caplog.set_level("DEBUG", logger="django_zero_downtime_migrations")
    monkeypatch.setattr(acquire, "OLD", 10**9)
    monkeypatch.setattr(limits, "PARTS", 1)
    monkeypatch.setattr(acquire, "pause", lambda took: 1.5)
    settings.ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT = "1500ms"
    settings.ZERO_DOWNTIME_MIGRATIONS_LOCK_RETRY_TIMEOUT = "10min"
    run(other_session, "SELECT 1 FROM shop_book")
    with Beside(lambda: limited.migrate(ADD_PAGES)) as work:
        wait_until(lambda: "Attempt 2: no lock within 1500 ms" in caplog.text, "a second attempt", work)
        other_session.rollback()
        work.result()


def test_an_only_attempt_outlasts_them(limited: Shop, other_session: Any, observer: Any, settings: Any) -> None:
    """LOCK_TIMEOUT and STATEMENT_TIMEOUT end the attempt without LOCK_RETRY_TIMEOUT, and nothing else its session."""
    settings.ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT = "1h"
    before = timeouts(limited)
    limited.connection.close()
    run(other_session, "SELECT 1 FROM shop_book")
    with Beside(lambda: (limited.migrate(ADD_PAGES), timeouts(limited))) as work:
        wait_until(lambda: run(observer, WAITED), "the step waits", work)
        other_session.rollback()
        assert work.result()[1] == before


def test_a_script_outlasts_them_too(limited: Shop, settings: Any) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT = "1h"
    lifted = "SET LOCAL transaction_timeout = 0;"
    asked = limited.run("SELECT 1 FROM pg_settings WHERE name = 'transaction_timeout'")
    assert (lifted in limited.collected(ADD_PAGES)) == bool(asked)
    limited.connection.close()
    limited.run(f'ALTER DATABASE "{limited.connection.settings_dict["NAME"]}" RESET ALL')
    limited.connection.close()
    assert lifted not in limited.collected(ADD_PAGES)


def test_the_search_for_the_rows_that_stop_a_step_outlasts_them(limited: Shop) -> None:
    limited.run("INSERT INTO shop_book (title) VALUES ('')")
    limited.run(
        "CREATE FUNCTION slowly(text) RETURNS boolean LANGUAGE plpgsql AS "
        "$$BEGIN PERFORM pg_sleep(1.5); RETURN $1 > ''; END$$"
    )
    limited.run("ALTER TABLE shop_book ADD CONSTRAINT titled CHECK (slowly(title)) NOT VALID")
    limited.connection.close()
    with pytest.raises(IntegrityError) as caught:
        limited.migrate(ValidateConstraint("book", "titled"))
    assert "Rows of public.shop_book that violate titled: id 1. " in told(caught.value)


@pytest.mark.parametrize("in_transaction", [False, True])
def test_the_wait_for_another_migrate_outlasts_them(
    limited: Shop,
    make_connection: Callable[..., BaseDatabaseWrapper],
    monkeypatch: Any,
    caplog: Any,
    in_transaction: bool,
) -> None:
    monkeypatch.setattr(turn, "FIRST_PAUSE_SECONDS", 3.0)
    monkeypatch.setattr(turn, "LONGEST_PAUSE_SECONDS", 3.0)
    another = make_connection(name=limited.connection.settings_dict["NAME"])
    # The session of the turn has no such timeouts, so the turn stays.
    with another.cursor() as cursor:
        cursor.execute("SET idle_session_timeout = 0")
    first = one_at_a_time.take_turn(another, 0)

    def wait() -> bool:
        # A limit for the whole transaction belongs to the session that has opened it.
        limited.run("SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'transaction_timeout'")
        with transaction.atomic(limited.alias) if in_transaction else nullcontext():
            second = one_at_a_time.take_turn(limited.connection, None)
            second.release()
            return second.waited

    with Beside(wait) as work:
        wait_until(lambda: "Another migrate is at work" in caplog.text, "the second waits", work)
        first.release()
        assert work.result()


def test_a_fill_outlasts_them(limited: Shop) -> None:
    limited.run("INSERT INTO shop_book (title) VALUES (NULL)")
    limited.run(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(1.5); RETURN NEW; END$$"
    )
    limited.run("CREATE TRIGGER slow BEFORE UPDATE ON shop_book FOR EACH ROW EXECUTE FUNCTION slow()")
    with pytest.warns(match="fires the trigger slow"):
        limited.migrate(migrations.AlterField("book", "title", models.CharField(max_length=20, default="none")))
    assert limited.run("SELECT title FROM shop_book") == [("none",)]


def test_what_a_lost_connection_has_left_is_taken_back_on_a_new_one(
    books: Shop, other_session: Any, observer: Any
) -> None:
    run(other_session, WRITES)
    with Beside(lambda: books.migrate(ADD_INDEX)) as work:
        [(pid, _)] = wait_until(lambda: run(observer, WAITING), "the build waits", work)
        run(observer, "SELECT pg_terminate_backend(%s)", pid)
        wait_until(lambda: [q for _, q in run(observer, WAITING) if q.startswith("DROP")], "the removal waits", work)
        other_session.commit()
        with pytest.raises(OperationalError, match=LOST) as caught:
            work.result()
    assert "Taken back: DROP INDEX CONCURRENTLY" in told(caught.value)
    assert valid(observer) == []
    books.migrate(ADD_INDEX)


def test_what_a_lost_connection_has_left_is_named_where_there_is_no_new_one(
    books: Shop, other_session: Any, observer: Any
) -> None:
    name = books.connection.settings_dict["NAME"]
    run(other_session, WRITES)
    with (
        closing(databases.open_session(autocommit=True)) as elsewhere,
        Beside(lambda: books.migrate(ADD_INDEX)) as work,
    ):
        [(pid, _)] = wait_until(lambda: run(observer, WAITING), "the build waits", work)
        run(elsewhere, f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        run(observer, "SELECT pg_terminate_backend(%s)", pid)
        with pytest.raises(OperationalError, match=LOST) as caught:
            work.result()
        run(elsewhere, f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    assert "there is no new one" in told(caught.value)
    assert 'Run this before you migrate again: DROP INDEX CONCURRENTLY IF EXISTS "by_title"' in told(caught.value)
