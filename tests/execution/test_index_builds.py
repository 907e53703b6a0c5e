"""An index whose concurrent build was not watched to its end."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from django_zero_downtime_migrations.execution.already_there import index_builds
from django_zero_downtime_migrations.execution.already_there.index_builds import (
    Built,
    invalid_in,
    is_built,
    leftovers,
)
from django_zero_downtime_migrations.naming import quote
from tests.backends.sessions import Beside, run, wait_until

LONG = "a_name_that_is_as_long_as_postgresql_allows_a_name_to_be_and_no"
BUILDS = """
SELECT pid FROM pg_stat_progress_create_index WHERE datname = current_database() AND phase LIKE 'waiting for writers%'
"""


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(index_builds, "POLL_SECONDS", 0.02)
    caplog.set_level(logging.WARNING, "django_zero_downtime_migrations")


@pytest.fixture
def book(database: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    """A database with a table that has duplicates."""
    run(database, "CREATE TABLE book (a int, b int)")
    run(database, "INSERT INTO book VALUES (1, 1), (2, 1)")
    return database


def attempt(session: Any, sql: str) -> None:
    with suppress(Exception):
        run(session, sql)


@pytest.fixture
def building(book: BaseDatabaseWrapper, open_session: Callable[..., Any], observer: Any) -> Any:
    """building(sql): a session builds, and waits for a transaction; the pid, how to end the latter, the thread."""

    def begin(sql: str) -> tuple[int, Callable[[], None], threading.Thread]:
        writer, builder = open_session(), open_session(autocommit=True)
        run(writer, "INSERT INTO book VALUES (3, 3)")
        run(builder, "SET application_name = 'earlier run'")
        thread = threading.Thread(target=attempt, args=(builder, sql))
        thread.start()
        [(pid,)] = wait_until(lambda: run(observer, BUILDS), "a build that waits")
        return pid, writer.rollback, thread

    return begin


def test_absent(book: BaseDatabaseWrapper) -> None:
    assert is_built(book, '"book"', '"by_a"') is Built.ABSENT


def test_absent_where_its_table_is(book: BaseDatabaseWrapper) -> None:
    assert is_built(book, '"nowhere"."book"', '"nowhere"."by_a"') is Built.ABSENT


def test_built(book: BaseDatabaseWrapper) -> None:
    run(book, "CREATE INDEX by_a ON book (a)")
    assert is_built(book, '"book"', '"by_a"') is Built.BUILT


def test_of_another_table(book: BaseDatabaseWrapper) -> None:
    run(book, "CREATE TABLE other (a int)")
    run(book, "CREATE INDEX by_a ON other (a)")
    assert is_built(book, '"book"', '"by_a"') is Built.ABSENT


def test_name_with_a_schema(book: BaseDatabaseWrapper) -> None:
    run(book, 'CREATE SCHEMA "The Shop"')
    run(book, 'CREATE TABLE "The Shop"."Some Täble" (a int)')
    run(book, 'CREATE INDEX "By A" ON "The Shop"."Some Täble" (a)')
    assert is_built(book, '"The Shop"."Some Täble"', '"The Shop"."By A"') is Built.BUILT


def test_name_that_the_server_cuts(book: BaseDatabaseWrapper) -> None:
    run(book, f'CREATE INDEX "{LONG}" ON book (a)')
    assert is_built(book, '"book"', f'"{LONG}_and_more"') is Built.BUILT


def test_failed_build(book: BaseDatabaseWrapper) -> None:
    with pytest.raises(DatabaseError):
        run(book, "CREATE UNIQUE INDEX CONCURRENTLY by_b ON book (b)")
    assert is_built(book, '"book"', '"by_b"') is Built.INVALID


def test_waits_for_the_build_of_another_session(book, building, caplog) -> None:
    pid, end_of_writer, thread = building("CREATE INDEX CONCURRENTLY by_a ON book (a)")
    with Beside(lambda: is_built(connections[book.alias], '"book"', '"by_a"')) as waiting:
        said = wait_until(lambda: caplog.messages[:1], "a warning", waiting)[0]
        end_of_writer()
        assert waiting.result() is Built.BUILT
    thread.join()
    assert f'Waiting until the index "by_a" is built by pid {pid} (' in said
    assert "earlier run) for 0 s (CREATE INDEX CONCURRENTLY: waiting for writers before build)" in said


def test_holds_no_transaction_while_it_waits(book, building, caplog, observer) -> None:
    _, end_of_writer, thread = building("CREATE INDEX CONCURRENTLY by_a ON book (a)")

    def waits() -> Built:
        run(connections[book.alias], "SET application_name = 'waits'")
        return is_built(connections[book.alias], '"book"', '"by_a"')

    with Beside(waits) as waiting:
        wait_until(lambda: caplog.messages, "a warning", waiting)
        own = "SELECT state, backend_xmin FROM pg_stat_activity WHERE application_name = 'waits'"
        wait_until(lambda: run(observer, own) == [("idle", None)], "a moment without a transaction", waiting)
        end_of_writer()
        waiting.result()
    thread.join()


def test_build_that_is_ended(book, building, caplog, observer) -> None:
    pid, end_of_writer, thread = building("CREATE INDEX CONCURRENTLY by_a ON book (a)")
    with Beside(lambda: is_built(connections[book.alias], '"book"', '"by_a"')) as waiting:
        wait_until(lambda: caplog.messages, "a warning", waiting)
        run(observer, "SELECT pg_terminate_backend(%s)", pid)
        assert waiting.result() is Built.INVALID
    end_of_writer()
    thread.join()


def test_build_that_fails(book, building, caplog) -> None:
    _, end_of_writer, thread = building("CREATE UNIQUE INDEX CONCURRENTLY by_b ON book (b)")
    with Beside(lambda: is_built(connections[book.alias], '"book"', '"by_b"')) as waiting:
        wait_until(lambda: caplog.messages, "a warning", waiting)
        end_of_writer()
        assert waiting.result() is Built.INVALID
    thread.join()


def test_build_of_a_role_that_this_one_may_not_watch(book, building, caplog, observer) -> None:
    role = f"watcher_{os.getpid()}"
    run(observer, f"CREATE ROLE {role}")
    run(observer, f"GRANT SELECT ON book TO {role}")
    pid, end_of_writer, thread = building("CREATE INDEX CONCURRENTLY by_a ON book (a)")

    def waits() -> Built:
        run(connections[book.alias], f"SET ROLE {role}")
        return is_built(connections[book.alias], '"book"', '"by_a"')

    with Beside(waits) as waiting:
        said = wait_until(lambda: caplog.messages[:1], "a warning", waiting)[0]
        end_of_writer()
        assert waiting.result() is Built.BUILT
    thread.join()
    run(observer, f"DROP OWNED BY {role}")
    run(observer, f"DROP ROLE {role}")
    assert f"pid {pid} " in said
    assert "for a time that this role may not see" in said


def test_ctrl_c_ends_the_wait(book, building, caplog) -> None:
    _, end_of_writer, thread = building("CREATE INDEX CONCURRENTLY by_a ON book (a)")

    def press() -> None:
        wait_until(lambda: caplog.messages, "a warning")
        os.kill(os.getpid(), signal.SIGINT)

    with Beside(press), pytest.raises(KeyboardInterrupt):
        is_built(book, '"book"', '"by_a"')
    end_of_writer()
    thread.join()


def test_leftover_of_a_reindex(book: BaseDatabaseWrapper) -> None:
    attempt(book, "CREATE UNIQUE INDEX CONCURRENTLY by_b ON book (b)")
    for _ in range(2):
        attempt(book, "REINDEX INDEX CONCURRENTLY by_b")
    assert leftovers(book, '"book"', '"by_b"') == ['"public"."by_b_ccnew"', '"public"."by_b_ccnew1"']


def test_leftover_of_an_index_with_a_long_name(book: BaseDatabaseWrapper) -> None:
    attempt(book, f"CREATE UNIQUE INDEX CONCURRENTLY {LONG} ON book (b)")
    attempt(book, f"REINDEX INDEX CONCURRENTLY {LONG}")
    assert leftovers(book, '"book"', f'"public"."{LONG}"') == [f'"public"."{LONG[:57]}_ccnew"']


def test_other_indexes_are_no_leftovers(book: BaseDatabaseWrapper) -> None:
    run(book, "CREATE INDEX by_a_ccnew ON book (a)")
    attempt(book, "CREATE UNIQUE INDEX CONCURRENTLY by_b_ccnew ON book (b)")
    assert leftovers(book, '"book"', '"by_a"') == []


def test_reindex_that_goes_on_has_no_leftovers(book, building) -> None:
    run(book, "CREATE INDEX by_a ON book (a)")
    _, end_of_writer, thread = building("REINDEX INDEX CONCURRENTLY by_a")
    assert run(book, r"SELECT relname FROM pg_class WHERE relname LIKE '%\_ccnew'") == [("by_a_ccnew",)]
    assert leftovers(book, '"book"', '"by_a"') == []
    end_of_writer()
    thread.join()


# The user's own SQL


@pytest.mark.parametrize(
    ("name", "sql"),
    [
        ("by_a", "create unique index concurrently if not exists BY_A on book (a)"),
        ("By A", 'CREATE INDEX CONCURRENTLY IF NOT EXISTS "By A" ON book (a)'),
        ('by"a', 'CREATE INDEX CONCURRENTLY IF NOT EXISTS "by""a" ON book (a)'),
        ("by_a", 'CREATE INDEX\n  CONCURRENTLY "by_a" ON book (a)'),
    ],
)
def test_invalid_index_that_a_statement_names(book: BaseDatabaseWrapper, name: str, sql: str) -> None:
    make_invalid(book, name)
    [(table, index)] = invalid_in(book, sql)
    assert (table, index) == ("book", run(book, "SELECT 'public.' || quote_ident(%s)", name)[0][0])


@pytest.mark.parametrize(
    ("name", "sql"),
    [
        ("by_a", "CREATE INDEX CONCURRENTLY by_ab ON book (a)"),
        ("By_a", "CREATE INDEX CONCURRENTLY By_a ON book (a)"),
        ("by_a", "CREATE INDEX by_a ON book (a)"),
        ("by_a", "DROP INDEX CONCURRENTLY by_a"),
    ],
)
def test_index_that_a_statement_does_not_make(book: BaseDatabaseWrapper, name: str, sql: str) -> None:
    make_invalid(book, name)
    assert invalid_in(book, sql) == []


def test_valid_index_that_a_statement_names(book: BaseDatabaseWrapper) -> None:
    run(book, "CREATE INDEX by_a ON book (a)")
    assert invalid_in(book, "CREATE INDEX CONCURRENTLY IF NOT EXISTS by_a ON book (a)") == []


def make_invalid(session: Any, name: str) -> None:
    """The table has duplicates."""
    attempt(session, f"CREATE UNIQUE INDEX CONCURRENTLY {quote(name)} ON book (b)")
