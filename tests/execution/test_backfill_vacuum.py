"""VACUUM between the batches makes room for the new versions of the rows to come."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from django_zero_downtime_migrations.execution.batches.batch_sql import Update
from django_zero_downtime_migrations.execution.batches.batches import Batches
from django_zero_downtime_migrations.settings import MigrationSettings
from tests.backends.sessions import run

pytestmark = pytest.mark.slow

FILL = Update("t", "n = 7", "n IS NULL", ["id"])
PACE = MigrationSettings(backfill_batch_time=10, backfill_load=1.0)
SIZE = "SELECT pg_table_size('t')"


@pytest.fixture
def rows(database: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    """Make about 1,800 pages, without autovacuum."""
    run(
        database,
        "CREATE TABLE t (id int PRIMARY KEY, n int, x text DEFAULT repeat('x', 40)) WITH (autovacuum_enabled = off)",
    )
    run(database, "INSERT INTO t (id) SELECT generate_series(1, 200000)")
    # The first VACUUM makes the maps.
    run(database, "VACUUM t")
    return database


def growth(rows: BaseDatabaseWrapper, settings: MigrationSettings) -> float:
    [(before,)] = run(rows, SIZE)
    Batches(rows, settings, FILL).run()
    [(after,)] = run(rows, SIZE)
    return float(after / before)


def test_the_table_grows_by_a_quarter_at_most(rows: BaseDatabaseWrapper) -> None:
    assert growth(rows, PACE) < 1.25


def test_without_it_the_table_grows_to_twice_its_size(rows: BaseDatabaseWrapper) -> None:
    assert growth(rows, PACE.named(backfill_vacuum_every=0.0)) > 1.8


def test_who_has_an_old_snapshot_is_named_once(rows: BaseDatabaseWrapper, other_session: Any, caplog: Any) -> None:
    [(pid,)] = run(other_session, "SELECT pg_backend_pid()")
    other_session.rollback()
    run(other_session, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    run(other_session, "SELECT FROM t LIMIT 1")
    assert growth(rows, PACE) > 1.8
    assert caplog.text.count(f"VACUUM cannot remove the old versions of the rows: pid {pid} ") == 1
    assert f"SELECT pg_terminate_backend({pid})" in caplog.text


def test_a_timeout_of_the_role_does_not_end_it(rows: BaseDatabaseWrapper) -> None:
    run(rows, "SET vacuum_cost_delay = '10ms'; SET vacuum_cost_limit = 100; SET statement_timeout = '500ms'")
    assert growth(rows, PACE.named(backfill_vacuum_every=0.5)) < 1.7
    assert run(rows, "SHOW statement_timeout") == [("500ms",)]
