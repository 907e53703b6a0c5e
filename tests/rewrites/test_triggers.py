"""The locks of a trigger for old code, as pg_locks shows them; no row is read for it."""

from __future__ import annotations

from typing import Any

import pytest

from django_zero_downtime_migrations.catalog.planned import PlannedCatalog
from django_zero_downtime_migrations.catalog.projection import Projection
from django_zero_downtime_migrations.catalog.server import ServerCatalog
from django_zero_downtime_migrations.ddl import statements as s
from django_zero_downtime_migrations.ddl.triggers import MakeTrigger
from django_zero_downtime_migrations.locks import LockMode
from django_zero_downtime_migrations.migrate_run.old_writes import OldWrites
from django_zero_downtime_migrations.migrate_run.removals import Stays
from tests.backends.sessions import run

LOCKS = """
SELECT DISTINCT l.mode FROM pg_locks l
WHERE l.pid = pg_backend_pid() AND l.relation = 'thing'::regclass AND l.granted
"""
SCANS = "SELECT pg_stat_get_xact_numscans('thing'::regclass)"


@pytest.fixture
def session(database: Any, open_session: Any) -> Any:
    session = open_session(database)
    run(session, "CREATE TABLE thing (number integer); INSERT INTO thing SELECT generate_series(1, 100)")
    session.commit()
    return session


def made(database: Any, kind: str) -> MakeTrigger:
    catalog = PlannedCatalog(ServerCatalog(database), Projection())
    triggers = OldWrites.of(Stays(('"thing"',), "number", kind), catalog, "public")
    return triggers.filling("5") if kind == s.FILLED else triggers.counting(inserts=True)


def locked(session: Any, queries: tuple[str, ...]) -> LockMode:
    """The strongest lock of a transaction on the table."""
    for sql in queries:
        run(session, sql)
    assert run(session, SCANS) == [(0,)]
    modes = [LockMode(mode) for (mode,) in run(session, LOCKS)]
    session.commit()
    return max(modes, key=lambda mode: mode.strength)


@pytest.mark.parametrize("kind", [s.FILLED, s.REMOVED])
def test_it_takes_the_locks_that_it_declares(database: Any, session: Any, kind: str) -> None:
    statement = made(database, kind)
    assert statement.undo is not None
    # It is waited for with ACCESS EXCLUSIVE, which the server lets go where it finds no trigger to drop.
    assert locked(session, statement.queries) is LockMode.SHARE_ROW_EXCLUSIVE
    for each in (statement, statement.undo):
        [lock] = each.locks()
        assert (lock.table, lock.mode) == ('"thing"', locked(session, each.queries))
    assert run(session, "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'thing'::regclass") == [(0,)]


def test_what_others_have_put_in_its_place_is_not_used(database: Any, session: Any) -> None:
    """A function that stays another role's could be changed by that later, and runs with its rights."""
    statement = made(database, s.FILLED)
    [create] = [sql for sql in statement.queries if sql.startswith("CREATE FUNCTION")]
    name = create.removeprefix("CREATE FUNCTION ").partition("(")[0]
    hostile = f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.number := 666; RETURN NEW; END'"
    run(session, hostile)
    locked(session, statement.queries)
    run(session, "INSERT INTO thing VALUES (NULL)")
    assert run(session, "SELECT max(number) FROM thing WHERE number NOT BETWEEN 6 AND 100") == [(5,)]
