"""An UPDATE in ranges of pages goes on where an earlier run has ended, and no row is changed twice."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from django_zero_downtime_migrations.errors import BackfillStopped
from django_zero_downtime_migrations.execution.batches.batch_sql import Update
from django_zero_downtime_migrations.execution.batches.batches import Batches
from django_zero_downtime_migrations.settings import MigrationSettings
from tests.backends.sessions import run

pytestmark = pytest.mark.slow

#: A counter of the changes of each row. The batches are small, so that there are many.
ONE_MORE = Update('"t"', '"n" = coalesce("n", 0) + 1, "done" = true', "NOT done", ['"id"'])
SHORT = MigrationSettings(backfill_batch_time=2, backfill_load=1.0, backfill_vacuum_every=0.0)
ENDED = SHORT.named(backfill_max_duration=1)
TYPES = "SELECT typname FROM pg_type WHERE typname LIKE 'zero\\_downtime%'"
CHANGED = "SELECT coalesce(n, 0), count(*) FROM t GROUP BY 1 ORDER BY 1"


@pytest.fixture
def rows(database: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    """Make about 450 pages."""
    run(database, "CREATE TABLE t (id int PRIMARY KEY, n int, done bool NOT NULL DEFAULT false)")
    run(database, "INSERT INTO t (id) SELECT generate_series(1, 100000)")
    return database


def stopped(connection: BaseDatabaseWrapper, update: Update = ONE_MORE, settings: MigrationSettings = ENDED) -> Batches:
    work = Batches(connection, settings, update)
    with pytest.raises(BackfillStopped, match="Run migrate again to go on") as caught:
        work.run()
    assert caught.value.returncode == 3
    return work


def test_it_goes_on_at_the_page_where_it_has_ended(rows: BaseDatabaseWrapper, caplog: Any) -> None:
    first = stopped(rows)
    assert 0 < first.position < 440
    assert run(rows, CHANGED)[1] == (1, first.rows)

    again = Batches(rows, SHORT, ONE_MORE)
    again.run()

    assert f"going on at page {first.position} of" in caplog.text
    assert run(rows, CHANGED) == [(1, 100_000)]
    assert run(rows, TYPES) == []


def test_what_is_there_meanwhile_belongs_to_the_role_and_is_read_by_who_lists_it(rows: BaseDatabaseWrapper) -> None:
    stopped(rows)
    [(name,)] = run(rows, TYPES)
    assert name.startswith("zero_downtime_migrations_backfill_")
    assert run(rows, f"SELECT obj_description('{name}'::regtype) LIKE '%UPDATE%'") == [(True,)]


def test_rows_that_stand_on_other_pages_by_now_are_found(rows: BaseDatabaseWrapper) -> None:
    stopped(rows)
    run(rows, "VACUUM FULL t")

    Batches(rows, SHORT, ONE_MORE).run()

    assert run(rows, CHANGED) == [(1, 100_000)]


def test_a_position_that_somebody_else_has_planted_is_not_believed(rows: BaseDatabaseWrapper) -> None:
    stopped(rows)
    [(name,)] = run(rows, TYPES)
    run(rows, "CREATE ROLE planter; GRANT planter TO CURRENT_USER; GRANT CREATE ON SCHEMA public TO planter")
    try:
        run(rows, f"ALTER TYPE {name} OWNER TO planter")
        run(rows, f'COMMENT ON COLUMN {name}.position IS \'{{"page": 440, "pages": 440}}\'')
        run(rows, "CREATE ROLE migrator")
        run(rows, "GRANT ALL ON SCHEMA public TO migrator; ALTER TABLE t OWNER TO migrator; SET ROLE migrator")

        Batches(rows, SHORT, ONE_MORE).run()

        assert run(rows, CHANGED) == [(1, 100_000)]
        assert run(rows, TYPES) == [(name,)]
    finally:
        run(rows, "RESET ROLE; DROP OWNED BY planter, migrator; DROP ROLE planter; DROP ROLE migrator")


@pytest.mark.parametrize("written", ["", "{}", '{"page": 1}', '{"page": "x", "pages": 1, "held": [], "rows": 0}'])
def test_a_position_that_cannot_be_read_is_the_beginning(rows: BaseDatabaseWrapper, written: str) -> None:
    stopped(rows)
    [(name,)] = run(rows, TYPES)
    run(rows, f"COMMENT ON COLUMN {name}.position IS '{written}'")

    Batches(rows, SHORT, ONE_MORE).run()

    assert run(rows, CHANGED) == [(1, 100_000)]


def test_a_role_that_may_not_keep_it_begins_again(rows: BaseDatabaseWrapper) -> None:
    run(
        rows, "CREATE ROLE poor; ALTER TABLE t OWNER TO poor; REVOKE CREATE ON SCHEMA public FROM PUBLIC; SET ROLE poor"
    )
    try:
        first = stopped(rows)
        again = Batches(rows, SHORT, ONE_MORE)
        again.run()
        assert again.rows == 100_000 - first.rows
        assert run(rows, CHANGED) == [(1, 100_000)]
    finally:
        run(rows, "RESET ROLE; DROP OWNED BY poor; DROP ROLE poor")


def test_pages_that_were_put_aside_are_done_by_the_next_run(rows: BaseDatabaseWrapper, other_session: Any) -> None:
    run(other_session, "SELECT FROM t WHERE id = 5 FOR UPDATE")
    held = stopped(rows, settings=ENDED.named(lock_timeout=50, backfill_max_duration=500))
    assert [page.page for page in held.held] == [0]
    other_session.rollback()

    Batches(rows, SHORT, ONE_MORE).run()

    assert run(rows, CHANGED) == [(1, 100_000)]


def test_a_condition_that_stays_true_for_some_rows_does_not_keep_it_for_ever(rows: BaseDatabaseWrapper) -> None:
    half = Update('"t"', '"n" = nullif("id" % 2, 0)', '"n" IS NULL', ['"id"'])

    Batches(rows, SHORT, half).run()

    assert run(rows, "SELECT n, count(*) FROM t GROUP BY n ORDER BY n") == [(1, 50_000), (None, 50_000)]
