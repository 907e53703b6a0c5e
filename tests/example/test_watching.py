"""The demo says the same of rewrites and locks as the server."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from example.demo.watching import LockWatch, differences, files


@pytest.fixture
def table(stock_database: BaseDatabaseWrapper) -> Iterator[Any]:
    """A cursor to a database with one table that has an index."""
    with stock_database.cursor() as cursor:
        cursor.execute("CREATE TABLE thing (number integer, name varchar(10))")
        cursor.execute("INSERT INTO thing VALUES (1, 'one')")
        cursor.execute("CREATE INDEX thing_number ON thing (number)")
        cursor.execute("CREATE INDEX thing_name ON thing (name)")
        yield cursor


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("ALTER TABLE thing ADD COLUMN note text", []),
        # It gets another oid then, and keeps its file.
        ("ALTER TABLE thing ALTER COLUMN name TYPE varchar(20)", []),
        ("CREATE INDEX thing_both ON thing (number, name)", ["index built: thing_both"]),
        ('ALTER TABLE thing ALTER COLUMN name TYPE varchar(10) COLLATE "C"', ["INDEX REBUILT: thing_name"]),
        ("DROP INDEX thing_name; CREATE INDEX thing_name ON thing (name)", ["INDEX REBUILT: thing_name"]),
        (
            "ALTER TABLE thing ALTER COLUMN number TYPE bigint",
            ["INDEX REBUILT: thing_name", "INDEX REBUILT: thing_number", "TABLE REWRITTEN: thing"],
        ),
        ("CREATE TABLE other (number integer PRIMARY KEY)", []),
    ],
)
def test_replaced_files_are_named(
    stock_database: BaseDatabaseWrapper, table: Any, statement: str, expected: list[str]
) -> None:
    before = files(stock_database.alias)
    table.execute(statement)
    assert differences(before, files(stock_database.alias)) == expected


def test_a_lock_that_stops_others_is_seen_while_it_is_held(
    stock_database: BaseDatabaseWrapper, table: Any, open_session: Callable[..., Any]
) -> None:
    with open_session(stock_database).cursor() as holder:
        holder.execute("LOCK TABLE thing IN SHARE ROW EXCLUSIVE MODE")
        holder.execute("SELECT pg_backend_pid()")
        with LockWatch(stock_database.alias, holder.fetchone()[0]) as locks:
            while not locks.held:
                time.sleep(0.01)
    assert set(locks.held) == {("thing", "ShareRowExclusiveLock")}
    assert not locks.waited
    assert [line.split(" held")[0] for line in locks.lines()] == ["SHARE ROW EXCLUSIVE on thing"]
