"""The progress of a long step while it runs, asked of the server, where another session keeps it from going on."""

from __future__ import annotations

import logging
import os
import pty
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper

from django_zero_downtime_migrations.execution.progress import progress
from servers import launch
from tests import databases
from tests.backends.project import Shop, Site
from tests.backends.sessions import PATIENCE, Beside, run, wait_until
from tests.execution.test_timeouts import POOLS

pytestmark = pytest.mark.slow

ID = ("id", models.BigAutoField(primary_key=True))
BOOK = migrations.CreateModel("book", [ID, ("title", models.CharField(max_length=20, null=True))])
ADD_INDEX = migrations.AddIndex("book", models.Index(fields=["title"], name="by_title"))
REMOVE_INDEX = migrations.RemoveIndex("book", "by_title")
VALIDATE = ValidateConstraint("book", "positive")
WRITES = "INSERT INTO shop_book (title) VALUES ('a secret')"
BESIDE = """
SELECT state, backend_xmin, backend_xid FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'django_zero_downtime_migrations: progress'
"""
#: The step waits longer than it takes until a connection would be opened.
WAITED = """
SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
AND now() - query_start > interval '1500 ms'
"""


@pytest.fixture(autouse=True)
def lines(caplog: Any) -> Any:
    """Return the lines of the log."""
    caplog.set_level(logging.INFO, "django_zero_downtime_migrations")
    return caplog


@pytest.fixture
def books(shop: Shop) -> Shop:
    """A table in use, of 2 MB."""
    shop.migrate(BOOK)
    shop.run("INSERT INTO shop_book (title) SELECT 'title ' || n FROM generate_series(1, 40000) n")
    return shop


@pytest.fixture
def others(other_session: Any) -> Callable[[str], int]:
    """others(sql): a session runs this and keeps the transaction open; its pid."""

    def begin(sql: str) -> int:
        run(other_session, "SET application_name = 'report'")
        run(other_session, sql)
        [(pid,)] = run(other_session, "SELECT pg_backend_pid()")
        return int(pid)

    return begin


def said_while(work: Beside[Any], other_session: Any, lines: Any, *texts: str) -> str:
    """Wait for a line with all of these texts, let the step go on, and return the line."""

    def line() -> str | None:
        return next((x for x in list(lines.messages) if all(text in x for text in texts)), None)

    found = wait_until(line, f"a line with {texts}", work)
    other_session.rollback()
    work.result()
    assert found is not None
    return found


def test_build_that_waits_for_a_writer_says_so(
    books: Shop, other_session: Any, others: Callable[[str], int], lines: Any
) -> None:
    pid = others(WRITES)
    with Beside(lambda: books.migrate(ADD_INDEX)) as work:
        line = said_while(work, other_session, lines, "waiting for writers before build")
    assert line.startswith('CREATE INDEX CONCURRENTLY "by_title": ')
    assert f"Waits for pid {pid} (postgres, application 'report'" in line
    assert "idle in transaction for " in line
    assert "secret" not in line


def test_build_that_waits_for_an_old_snapshot_says_so(
    books: Shop, other_session: Any, others: Callable[[str], int], lines: Any
) -> None:
    pid = others("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT 1")
    with Beside(lambda: books.migrate(ADD_INDEX)) as work:
        line = said_while(work, other_session, lines, "waiting for old snapshots")
    assert f"Waits for pid {pid} (" in line


def test_removal_that_waits_for_a_reader_says_so(
    books: Shop, other_session: Any, others: Callable[[str], int], lines: Any
) -> None:
    books.migrate(ADD_INDEX)
    pid = others("SELECT 1 FROM shop_book")
    with Beside(lambda: books.migrate(REMOVE_INDEX)) as work:
        line = said_while(work, other_session, lines, f"Waits for pid {pid} (")
    assert line.startswith("DROP INDEX CONCURRENTLY")


def test_validation_that_waits_says_so_and_how_large_the_table_is(
    books: Shop, other_session: Any, others: Callable[[str], int], lines: Any
) -> None:
    books.run("ALTER TABLE shop_book ADD CONSTRAINT positive CHECK (id > 0) NOT VALID")
    pid = others("LOCK TABLE shop_book IN SHARE UPDATE EXCLUSIVE MODE")
    with Beside(lambda: books.migrate(VALIDATE)) as work:
        line = said_while(work, other_session, lines, f"Waits for pid {pid} (")
    assert line.startswith('ALTER TABLE "shop_book" VALIDATE CONSTRAINT "positive": ')
    assert " MB in the table" in line


def test_query_of_who_is_in_the_way_is_shown_where_the_setting_allows(
    books: Shop, other_session: Any, others: Callable[[str], int], lines: Any, settings: Any
) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_SHOW_BLOCKING_QUERIES = True
    run(other_session, WRITES)
    # Its last statement is the one that is shown.
    run(other_session, "SELECT 'a report'")
    with Beside(lambda: books.migrate(ADD_INDEX)) as work:
        said_while(work, other_session, lines, "Waits for pid ", "SELECT 'a report'")


def test_wait_is_said_once_and_not_every_second(
    books: Shop, other_session: Any, others: Callable[[str], int], observer: Any, lines: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(progress, "EVERY_SECONDS", 0.01)
    monkeypatch.setattr(progress, "LOG_EVERY_SECONDS", 3600.0)
    others(WRITES)
    with Beside(lambda: books.migrate(ADD_INDEX)) as work:
        wait_until(lambda: "Waits for pid" in lines.text, "it says for whom it waits", work)
        wait_until(lambda: run(observer, WAITED), "it waits for longer", work)
        other_session.rollback()
    assert lines.text.count("Waits for pid") == 1


def test_lines_come_again_when_their_time_has_come(
    books: Shop, other_session: Any, others: Callable[[str], int], lines: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(progress, "EVERY_SECONDS", 0.01)
    monkeypatch.setattr(progress, "LOG_EVERY_SECONDS", 0.05)
    others(WRITES)
    with Beside(lambda: books.migrate(ADD_INDEX)) as work:
        wait_until(lambda: lines.text.count("Waits for pid") > 2, "it says so again", work)
        other_session.rollback()


def test_second_connection_is_idle_between_its_questions_and_ends_with_the_step(
    books: Shop, other_session: Any, others: Callable[[str], int], observer: Any, lines: Any
) -> None:
    others(WRITES)
    with Beside(lambda: books.migrate(ADD_INDEX)) as work:
        wait_until(
            lambda: run(observer, BESIDE) == [("idle", None, None)], "a connection beside, without snapshot", work
        )
        other_session.rollback()
        work.result()
    wait_until(lambda: run(observer, BESIDE) == [], "it is gone")


# Errors of the progress do not reach the user


def test_step_without_a_second_connection_succeeds(
    books: Shop, other_session: Any, others: Callable[[str], int], observer: Any, lines: Any
) -> None:
    others(WRITES)
    connected, closed = threading.Event(), threading.Event()

    def migrate() -> None:
        books.connection.ensure_connection()
        connected.set()
        closed.wait(PATIENCE)
        books.migrate(ADD_INDEX)

    with Beside(migrate) as work, closing(databases.open_session(autocommit=True)) as elsewhere:
        connected.wait(PATIENCE)
        run(elsewhere, f"ALTER DATABASE {books.connection.settings_dict['NAME']} ALLOW_CONNECTIONS false")
        closed.set()
        wait_until(lambda: run(observer, WAITED), "the build waits for longer than a second", work)
        other_session.rollback()
        work.result()
    assert "Waits for" not in lines.text
    assert run(observer, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_title'::regclass") == [(True,)]


def test_connection_beside_that_is_ended_leaves_the_step_alone(
    books: Shop, other_session: Any, others: Callable[[str], int], observer: Any, lines: Any
) -> None:
    others(WRITES)
    with Beside(lambda: books.migrate(ADD_INDEX)) as work:
        wait_until(lambda: run(observer, BESIDE), "a connection beside", work)
        run(observer, BESIDE.replace("SELECT state, backend_xmin, backend_xid", "SELECT pg_terminate_backend(pid)"))
        wait_until(lambda: run(observer, BESIDE) == [], "it is gone", work)
        other_session.rollback()
        work.result()
    assert run(observer, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_title'::regclass") == [(True,)]


if POOLS:

    def test_pool_of_one_connection_is_not_asked_for_a_second(
        make_connection: Callable[..., BaseDatabaseWrapper], open_session: Callable[..., Any], lines: Any
    ) -> None:
        shop = Shop(make_connection(**POOLS[0]))
        shop.migrate(BOOK)
        shop.connection.close()
        other = open_session(shop.connection)
        run(other, WRITES)
        with Beside(lambda: shop.migrate(ADD_INDEX)) as work:
            said_while(work, other, lines, "waiting for writers before build")


def test_prepared_transaction_is_named(server_major: int, make_connection: Callable[..., Any], lines: Any) -> None:
    with launch.server(server_major, options={"max_prepared_transactions": "2"}) as server:
        port = urlsplit(server.url).port
        shop = Shop(make_connection(name="postgres", HOST="127.0.0.1", PORT=str(port)))
        shop.migrate(BOOK)
        parameters = {"host": "127.0.0.1", "port": port, "user": "postgres", "dbname": "postgres"}
        with closing(databases.driver.connect(**parameters)) as session:
            session.autocommit = True
            run(session, "BEGIN")
            run(session, WRITES)
            run(session, "PREPARE TRANSACTION 'left behind'")
            with Beside(lambda: shop.migrate(ADD_INDEX)) as work:
                named = "Waits for prepared transaction 'left behind' of postgres open for "
                wait_until(lambda: named in lines.text, "it is named", work)
                run(session, "ROLLBACK PREPARED 'left behind'")
        shop.connection.close()


# The command


@pytest.fixture
def busy_site(site: Site, other_session: Any) -> Iterator[Site]:
    """Make a project with an index to be built on a table that another session is writing to."""
    site.settings["ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT"] = "1h"
    site.add(BOOK)
    site.migrate()
    site.add(ADD_INDEX)
    run(other_session, WRITES)
    yield site


def test_terminal_has_one_line_that_goes_again(busy_site: Site, other_session: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("TERM", "xterm")
    terminal, end = pty.openpty()
    process = busy_site.start("migrate", "--no-color", stdin=end, stdout=end, stderr=end)
    os.close(end)
    shown = ""
    while chunk := read(terminal):
        shown += chunk
        if other_session is not None and "waiting for writers before build" in shown and "Waits for pid" in shown:
            other_session.rollback()
            other_session = None
    os.close(terminal)
    assert process.wait(PATIENCE) == 0
    before, _, after = shown.partition("\x1bD")
    assert before.endswith("Applying shop.0002_step...")
    line, _, rest = after.rpartition("\r\x1b[K\x1b8")
    assert "\n" not in line
    assert rest.strip() == "OK"


def read(terminal: int) -> str:
    try:
        return os.read(terminal, 65536).decode()
    except OSError:  # that is how Linux says that the other end is closed
        return ""


def test_command_without_a_terminal_logs(busy_site: Site, other_session: Any) -> None:
    process = busy_site.start("migrate")
    assert process.stdout is not None
    said = ""
    # Warnings are shown without any configuration of the log.
    while "Waits for pid" not in said:
        said += (line := process.stdout.readline())
        assert line, said
    other_session.rollback()
    assert process.communicate(timeout=PATIENCE)[0].strip().endswith("OK")
    assert "\x1b" not in said


def test_verbosity_zero_is_silent(busy_site: Site, other_session: Any, observer: Any) -> None:
    process = busy_site.start("migrate", "--verbosity", "0", "--skip-checks")
    wait_until(lambda: run(observer, WAITED), "the build waits for longer than a second")
    assert run(observer, BESIDE) == []
    other_session.rollback()
    assert process.communicate(timeout=PATIENCE)[0] == ""
