"""The step at which an interrupted run has stopped, sent again, whatever wrote it."""

from __future__ import annotations

from typing import Any

import pytest

from django_zero_downtime_migrations.ddl.scan import scan
from django_zero_downtime_migrations.execution.already_there.unfinished_step import rest_of_step
from django_zero_downtime_migrations.planning.kinds import Step, UsersOwn
from django_zero_downtime_migrations.planning.steps import as_written
from tests.backends.sessions import run

DROPS = [
    "DROP INDEX CONCURRENTLY by_a",
    "drop index concurrently by_a",
    "DROP  INDEX\nCONCURRENTLY by_a",
    'drop index concurrently "by_a"',
    'DROP INDEX CONCURRENTLY"by_a"',
    "DROP INDEX CONCURRENTLY IF EXISTS by_a",
    "DROP INDEX CONCURRENTLY   IF  EXISTS by_a",
    "-- what nobody reads\ndrop index concurrently if exists by_a;",
]
BUILDS = [
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS by_b ON book (b)",
    "create index concurrently if not exists by_b on book (b)",
    'create unique index concurrently if not exists "by_b" on "book" ("b")',
]


@pytest.fixture
def book(database: Any) -> Any:
    run(database, "CREATE TABLE book (a int, b int)")
    return database


def users_own(sql: str) -> UsersOwn:
    return as_written(scan(sql, None), UsersOwn)


def sent_again(connection: Any, step: Step) -> None:
    left = rest_of_step(connection, step, lambda other: run(connection, other.sql))
    assert left is not None
    run(connection, left.sql)


@pytest.mark.parametrize("sql", DROPS + BUILDS)
def test_it_stands_alone_and_needs_a_session_of_its_own(sql: str) -> None:
    step = users_own(sql)
    assert (step.stands_alone, step.needs_session) == (True, True)


@pytest.mark.parametrize("sql", ["UPDATE book SET a = 1 -- CONCURRENTLY", "INSERT INTO book SELECT ' CONCURRENTLY '"])
def test_a_word_alone_does_not_make_it_stand_alone(sql: str) -> None:
    assert not users_own(sql).stands_alone


@pytest.mark.parametrize("is_there", [True, False])
@pytest.mark.parametrize("sql", DROPS)
def test_an_index_that_is_dropped_may_be_gone(book: Any, sql: str, is_there: bool, caplog: Any) -> None:
    if is_there:
        run(book, "CREATE INDEX by_a ON book (a)")
    sent_again(book, users_own(sql))
    assert run(book, "SELECT to_regclass('by_a')") == [(None,)]
    assert caplog.messages == []


@pytest.mark.parametrize("sql", BUILDS)
def test_an_index_that_is_invalid_is_built_again(book: Any, sql: str) -> None:
    run(book, "INSERT INTO book VALUES (1, 1), (2, 1)")
    with pytest.raises(Exception, match="could not create unique index"):
        run(book, "CREATE UNIQUE INDEX CONCURRENTLY by_b ON book (b)")
    run(book, "DELETE FROM book WHERE a = 2")
    sent_again(book, users_own(sql))
    assert run(book, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_b'::regclass") == [(True,)]


def test_of_what_leaves_no_trace_it_is_said_that_it_is_sent_again(book: Any, caplog: Any) -> None:
    sent_again(book, users_own("VACUUM book"))
    assert "it is sent again: VACUUM book" in caplog.messages[0]
