"""The rest of a step that the server has refused."""

from __future__ import annotations

import pytest
from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper

from django_zero_downtime_migrations.errors import CannotMigrate
from django_zero_downtime_migrations.execution.already_there.probes.step import REFUSALS, rest
from django_zero_downtime_migrations.execution.server_errors import sqlstate
from tests.backends.sessions import run
from tests.execution.test_drift import DRIFTS
from tests.execution.test_drift import TABLES as DRIFT_TABLES
from tests.execution.test_probes import INDEX, TABLES


@pytest.fixture
def books(database: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    run(database, TABLES)
    return database


ADD = 'ALTER TABLE "book" ADD COLUMN "c" integer DEFAULT 7 NOT NULL'
DROP_DEFAULT = 'ALTER TABLE "book" ALTER COLUMN "c" DROP DEFAULT'


def test_nothing_of_a_step_is_there(books: BaseDatabaseWrapper) -> None:
    left = rest(books, [ADD, DROP_DEFAULT], '"book"')
    assert left.queries == (ADD, DROP_DEFAULT)
    assert left.error_stands


def test_part_of_a_step_is_there(books: BaseDatabaseWrapper) -> None:
    run(books, ADD)
    left = rest(books, [ADD, DROP_DEFAULT], '"book"')
    assert left.queries == (DROP_DEFAULT,)
    assert [found.what for found in left.done] == ['The column "c" of "book"']
    assert not left.error_stands


def test_all_of_a_step_is_there(books: BaseDatabaseWrapper) -> None:
    run(books, INDEX)
    left = rest(books, [INDEX], '"book"')
    assert left.queries == ()
    assert not left.error_stands


def test_step_that_finds_another_object(books: BaseDatabaseWrapper) -> None:
    run(books, 'CREATE INDEX by_a ON "book" (b)')
    with pytest.raises(CannotMigrate, match=r"(?s)There: .*\(b\).*Wanted: .*\(a\)"):
        rest(books, [INDEX], '"book"')


def test_step_whose_build_has_failed(books: BaseDatabaseWrapper) -> None:
    sql = 'CREATE UNIQUE INDEX CONCURRENTLY "by_a" ON "book" ("a")'
    run(books, "INSERT INTO book (id, a) VALUES (1, 1), (2, 1)")
    with pytest.raises(DatabaseError):
        run(books, sql)
    left = rest(books, [sql], '"book"')
    assert left.invalid
    assert left.queries == (sql,)
    assert not left.error_stands


def test_step_that_nobody_can_ask_about(books: BaseDatabaseWrapper) -> None:
    left = rest(books, ["GRANT SELECT ON book TO PUBLIC"], "")
    assert left.error_stands


@pytest.mark.parametrize("name", [name for name in DRIFTS if not name.startswith("not null/")])
def test_done_again_is_refused_with_a_state_that_leads_here(name: str, database: BaseDatabaseWrapper) -> None:
    run(database, DRIFT_TABLES)
    drift = DRIFTS[name]
    if drift.before:
        run(database, drift.before)
    run(database, drift.sql)
    with pytest.raises(DatabaseError) as refused:
        run(database, drift.sql)
    assert sqlstate(refused.value) in REFUSALS
