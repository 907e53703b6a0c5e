"""Rows are written no faster than standbys replay them, and slots do not fill the disk of the primary."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from django.db import connections

from django_zero_downtime_migrations.errors import BackfillStopped
from django_zero_downtime_migrations.execution.batches import pace
from django_zero_downtime_migrations.execution.batches.batch_sql import Update
from django_zero_downtime_migrations.execution.batches.batches import Batches
from django_zero_downtime_migrations.settings import MigrationSettings
from servers.standby import standby
from tests.backends.project import Shop
from tests.backends.sessions import Beside, run, wait_until
from tests.standby.conftest import Pair

pytestmark = pytest.mark.slow

FILL = Update("t", "n = 7", "n IS NULL", ["id"])
#: It sleeps most of the time, so that a standby has time to fall behind.
PACE = MigrationSettings(
    backfill_batch_time=5, backfill_load=0.1, backfill_vacuum_every=0.0, backfill_max_replica_lag=500
)
FAST = PACE.named(backfill_load=1.0)
LEFT = "SELECT count(*) FROM t WHERE n IS NULL"


@pytest.fixture
def rows(books: Shop, monkeypatch: Any, caplog: Any) -> Any:
    """Make about 350 pages, so that the batches take a while."""
    monkeypatch.setattr(pace, "ASK_EVERY_SECONDS", 0.05)
    caplog.set_level("INFO", logger="django_zero_downtime_migrations")
    run(books.connection, "CREATE TABLE t (id int PRIMARY KEY, n int)")
    run(books.connection, "INSERT INTO t SELECT generate_series(1, 80000)")
    return books.connection


@contextmanager
def filling(connection: Any, settings: MigrationSettings = PACE) -> Iterator[Beside[int]]:
    alias = connection.alias
    with Beside(lambda: Batches(connections[alias], settings, FILL).run()) as beside:
        yield beside


@pytest.fixture
def paused(servers: Pair, rows: Any, primary: Any, follower: Any) -> None:
    servers.caught_up(primary, follower)
    run(follower, "SELECT pg_wal_replay_pause()")
    wait_until(lambda: run(follower, "SELECT pg_get_wal_replay_pause_state()") == [("paused",)], "the replay is paused")


@pytest.mark.usefixtures("paused")
def test_a_standby_that_does_not_replay_is_waited_for(rows: Any, primary: Any, follower: Any, caplog: Any) -> None:
    with filling(rows) as work:
        wait_until(lambda: "waiting, the standby standby is" in caplog.text, "it waits", work)
        left = run(primary, LEFT)
        time.sleep(0.5)
        assert run(primary, LEFT) == left != [(0,)]

        run(follower, "SELECT pg_wal_replay_resume()")
        work.result()

    assert run(primary, LEFT) == [(0,)]
    assert caplog.text.count("BACKFILL_MAX_REPLICA_LAG 500 ms") == 2, "the reason, and with it the end"
    assert "t: going on after" in caplog.text


@pytest.mark.usefixtures("paused")
def test_waiting_for_a_standby_ends_with_the_time_of_the_backfill(rows: Any, primary: Any) -> None:
    with pytest.raises(BackfillStopped, match="BACKFILL_MAX_DURATION is over"):
        Batches(rows, PACE.named(backfill_max_duration=1500), FILL).run()
    assert run(primary, LEFT) != [(0,)]


@pytest.mark.usefixtures("paused")
def test_it_does_not_wait_for_longer_than_an_hour(rows: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(pace, "LONGEST_WAIT_SECONDS", 0.5)
    with pytest.raises(BackfillStopped, match="For an hour the standby standby is"):
        Batches(rows, PACE, FILL).run()


@pytest.mark.usefixtures("paused")
def test_without_the_setting_nobody_is_waited_for(rows: Any, primary: Any, caplog: Any) -> None:
    Batches(rows, FAST.named(backfill_max_replica_lag=None), FILL).run()
    assert run(primary, LEFT) == [(0,)]
    assert "waiting" not in caplog.text


def test_a_standby_that_has_been_shut_down_is_not_waited_for(
    servers: Pair, rows: Any, primary: Any, caplog: Any
) -> None:
    with standby(servers.primary, primary) as second, closing(servers.open_session(second)) as session:
        wait_until(lambda: run(session, "SELECT pg_is_in_recovery()") == [(True,)], "it follows")
    Batches(rows, PACE, FILL).run()
    assert run(primary, LEFT) == [(0,)]
    assert "waiting" not in caplog.text


@pytest.mark.usefixtures("paused")
def test_a_role_that_may_not_see_the_standbys_says_so_once(rows: Any, caplog: Any) -> None:
    run(rows, "CREATE ROLE plain; ALTER TABLE t OWNER TO plain; GRANT ALL ON SCHEMA public TO plain; SET ROLE plain")
    try:
        Batches(rows, PACE, FILL).run()
    finally:
        run(rows, "RESET ROLE; DROP OWNED BY plain; DROP ROLE plain")
    assert caplog.text.count("GRANT pg_monitor to the role that migrates") == 1


def test_a_slot_that_retains_much_is_waited_for(rows: Any, primary: Any, follower: Any, caplog: Any) -> None:
    """Its walreceiver stands still: the primary keeps for it what is written meanwhile."""
    run(primary, "SELECT pg_create_physical_replication_slot('followed', true)")
    run(follower, "ALTER SYSTEM SET primary_slot_name = 'followed'")
    run(follower, "SELECT pg_reload_conf()")
    active = "SELECT active FROM pg_replication_slots WHERE slot_name = 'followed'"
    wait_until(lambda: run(primary, active) == [(True,)], "the standby uses the slot")
    [(receiver,)] = run(follower, "SELECT pid FROM pg_stat_wal_receiver")
    try:
        os.kill(receiver, signal.SIGSTOP)
        settings = PACE.named(backfill_max_replica_lag=None, backfill_max_slot_wal=1024**2)
        with filling(rows, settings) as work:
            wait_until(lambda: "the replication slot followed retains" in caplog.text, "it waits", work)
            assert run(primary, LEFT) != [(0,)]
            os.kill(receiver, signal.SIGCONT)
            work.result()
        assert run(primary, LEFT) == [(0,)]
    finally:
        os.kill(receiver, signal.SIGCONT)
        run(follower, "ALTER SYSTEM RESET primary_slot_name")
        run(follower, "SELECT pg_reload_conf()")
        wait_until(lambda: run(primary, active) == [(False,)], "the standby has left the slot")
        run(primary, "SELECT pg_drop_replication_slot('followed')")


def test_a_slot_that_nobody_reads_is_named_once_and_not_waited_for(rows: Any, primary: Any, caplog: Any) -> None:
    run(primary, "SELECT pg_create_physical_replication_slot('forgotten', true)")
    try:
        Batches(rows, PACE.named(backfill_max_slot_wal=1024**2), FILL).run()
    finally:
        run(primary, "SELECT pg_drop_replication_slot('forgotten')")
    assert run(primary, LEFT) == [(0,)]
    assert caplog.text.count("the replication slot forgotten retains") == 1
