"""NULLs are filled in ranges of pages that are committed one by one."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError
from django.db.backends.base.base import BaseDatabaseWrapper

from django_zero_downtime_migrations.execution import fill as filling
from django_zero_downtime_migrations.plan import Fill

WORK = Fill(table='"t"', column='"n"', default="%s", params=(7,))


def run(connection: BaseDatabaseWrapper, *statements: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []


def test_every_null_gets_the_value_and_nothing_else_changes(database: BaseDatabaseWrapper) -> None:
    run(database, "CREATE TABLE t AS SELECT g AS id, nullif(g % 3, 0) AS n FROM generate_series(1, 50000) g")

    filled = filling.fill(database, WORK)

    assert filled == 16666
    assert run(database, "SELECT n, count(*) FROM t GROUP BY n ORDER BY n") == [(1, 16667), (2, 16667), (7, 16666)]


def test_partitions_of_any_size_are_filled(database: BaseDatabaseWrapper) -> None:
    run(
        database,
        "CREATE TABLE t (id int, n int) PARTITION BY RANGE (id)",
        "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (10) TO (100000)",
        "INSERT INTO t (id) SELECT generate_series(0, 50000)",
    )

    filling.fill(database, WORK)

    assert run(database, "SELECT count(*) FROM t WHERE n IS NULL") == [(0,)]


def test_rows_of_a_finished_range_are_not_locked(
    database: BaseDatabaseWrapper, other_session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the last range waits for a row of somebody else, the first rows can be changed."""
    monkeypatch.setattr(filling, "FIRST_PAGES", 1)
    run(database, "CREATE TABLE t AS SELECT g AS id, NULL::int AS n FROM generate_series(1, 2000) g")
    changed = []
    real = filling._range

    def update_an_earlier_row(connection: Any, work: Fill, start: int, end: int) -> int:
        if start:
            with other_session.cursor() as cursor:
                cursor.execute("SELECT id FROM t WHERE ctid < '(1,0)' FOR UPDATE NOWAIT")
                changed.append(len(cursor.fetchall()))
            other_session.rollback()
        return real(connection, work, start, end)

    monkeypatch.setattr(filling, "_range", update_an_earlier_row)

    filling.fill(database, WORK)

    assert changed


def test_a_value_that_a_constraint_refuses_is_said_with_the_servers_error(database: BaseDatabaseWrapper) -> None:
    run(database, "CREATE TABLE t (n int CHECK (n > 10))", "INSERT INTO t VALUES (NULL)")

    with pytest.raises(IntegrityError, match="t_n_check"):
        filling.fill(database, WORK)
