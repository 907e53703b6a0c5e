"""Locks that no client holds: of an autovacuum, and of a prepared transaction. They need a server of their own, where
an autovacuum begins every second and takes its time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from django_zero_downtime_migrations.errors import LockNotAcquired
from django_zero_downtime_migrations.execution.locks.acquire import Acquisition
from django_zero_downtime_migrations.execution.locks.blockers import look
from django_zero_downtime_migrations.locks import Blocker, Lock, LockMode
from django_zero_downtime_migrations.planning.kinds import Short
from django_zero_downtime_migrations.planning.queries import Query
from django_zero_downtime_migrations.settings import MigrationSettings
from servers import launch
from tests import databases
from tests.backends.sessions import run, wait_until

OPTIONS = {"autovacuum_naptime": "1s", "max_prepared_transactions": "2"}
SLOW = "autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1"
LOCKS = [Lock('"t"', LockMode.ACCESS_EXCLUSIVE)]
ADD_COLUMN = 'ALTER TABLE "t" ADD COLUMN other int'
#: Each subtransaction that writes takes a transaction number.
GROW_OLD = """
DO $$ BEGIN FOR i IN 1 .. 101000 LOOP
    BEGIN INSERT INTO numbers VALUES (i); EXCEPTION WHEN division_by_zero THEN NULL; END;
END LOOP; END $$
"""


@pytest.fixture(scope="module")
def own_server(server_major: int) -> Iterator[launch.Server]:
    with launch.server(server_major, options=OPTIONS) as server:
        yield server


@pytest.fixture
def session(own_server: launch.Server, make_connection: Callable[..., Any]) -> Iterator[Any]:
    """Open a superuser's session in autocommit mode."""
    port = urlsplit(own_server.url).port
    with closing(databases.driver.connect(host="127.0.0.1", port=port, user="postgres", dbname="postgres")) as session:
        session.autocommit = True
        run(session, "CREATE TABLE t (n int)")
        run(session, "INSERT INTO t SELECT generate_series(1, 50000)")
        yield session
        # The vacuum in the way is cancelled by the server once the DROP has waited for deadlock_timeout.
        run(session, "DROP TABLE t")


@pytest.fixture
def migrating(
    own_server: launch.Server, session: Any, make_connection: Callable[..., BaseDatabaseWrapper]
) -> BaseDatabaseWrapper:
    return make_connection(name="postgres", HOST="127.0.0.1", PORT=str(urlsplit(own_server.url).port))


def acquisition(migrating: BaseDatabaseWrapper, retry_ms: int) -> Acquisition:
    step = Short(queries=(Query(ADD_COLUMN),), statement=None, locks=tuple(LOCKS))  # type: ignore[arg-type]

    def send(prefix: Sequence[str]) -> None:
        with migrating.cursor() as cursor:
            cursor.execute("; ".join([*prefix, ADD_COLUMN]), None)

    return Acquisition(
        migrating, MigrationSettings(lock_timeout=200, lock_retry_timeout=retry_ms), step, ADD_COLUMN, send
    )


def vacuumed(migrating: BaseDatabaseWrapper, session: Any) -> Blocker:
    """Wait until the autovacuum of the table runs."""

    def found() -> Blocker | None:
        # A session reports its rows half a second later before PostgreSQL 15, and only with its next statement.
        run(session, "SELECT")
        return next((x for x in look(migrating, LOCKS, queries=False).blockers if x.autovacuum), None)

    blocker = wait_until(found, "an autovacuum of the table")
    assert blocker is not None
    return blocker


def begin_vacuum(session: Any) -> None:
    run(session, f"ALTER TABLE t SET ({SLOW}, autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0)")
    run(session, "DELETE FROM t WHERE n % 2 = 0")


def test_autovacuum_is_cancelled(session: Any, migrating: BaseDatabaseWrapper, caplog: Any) -> None:
    begin_vacuum(session)
    vacuumed(migrating, session)
    acquisition(migrating, retry_ms=60_000).run()
    assert "Cancelled the autovacuum of t" in caplog.text
    assert run(session, "SELECT count(other) FROM t") == [(0,)]


def test_autovacuum_that_the_role_may_not_cancel_is_named(
    session: Any, migrating: BaseDatabaseWrapper, caplog: Any
) -> None:
    run(session, "CREATE ROLE owner")
    run(session, "GRANT pg_read_all_stats TO owner")
    run(session, "ALTER TABLE t OWNER TO owner")
    begin_vacuum(session)
    blocker = vacuumed(migrating, session)
    with migrating.cursor() as cursor:
        cursor.execute("SET ROLE owner")
    with pytest.raises(LockNotAcquired, match=f"autovacuum, pid {blocker.pid}"):
        acquisition(migrating, retry_ms=1000).run()
    assert "may not cancel the autovacuum" in caplog.text
    with migrating.cursor() as cursor:
        cursor.execute("RESET ROLE")
    run(session, "ALTER TABLE t OWNER TO postgres")
    run(session, "DROP ROLE owner")


def test_autovacuum_to_prevent_wraparound_is_left_alone_and_named(
    session: Any, migrating: BaseDatabaseWrapper, caplog: Any
) -> None:
    run(session, "CREATE TABLE numbers (n int)")
    run(session, GROW_OLD)
    run(session, f"ALTER TABLE t SET ({SLOW}, autovacuum_freeze_max_age = 100000)")
    blocker = vacuumed(migrating, session)
    assert blocker.wraparound
    with pytest.raises(LockNotAcquired, match="to prevent wraparound: it will not yield"):
        acquisition(migrating, retry_ms=1000).run()
    assert "Cancelled" not in caplog.text
    assert vacuumed(migrating, session).pid == blocker.pid
    run(session, "SELECT pg_terminate_backend(%s)", blocker.pid)
    run(session, "DROP TABLE numbers")


def test_prepared_transaction_is_named(session: Any, migrating: BaseDatabaseWrapper) -> None:
    run(session, "BEGIN")
    run(session, "INSERT INTO t VALUES (0)")
    run(session, "PREPARE TRANSACTION 'left behind'")
    (blocker,) = look(migrating, LOCKS, queries=False).blockers
    run(session, "ROLLBACK PREPARED 'left behind'")
    assert blocker.pid is None
    assert str(blocker).startswith("prepared transaction 'left behind' of postgres open for")
