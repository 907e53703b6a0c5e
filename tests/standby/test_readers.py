"""Readers on a hot standby, where the replay of a lock waits for them and all others wait behind the replay."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from django.db import migrations, models

from django_zero_downtime_migrations.errors import CannotMigrate, LockNotAcquired
from django_zero_downtime_migrations.execution.locks import acquire, replicas
from django_zero_downtime_migrations.locks import LockMode
from tests.backends.project import Shop
from tests.backends.sessions import Beside, run, told, wait_until
from tests.standby.conftest import Pair, database_of
from tests.standby.test_synchronous_standby import BOOK, READS

pytestmark = pytest.mark.slow

#: Longer than any machine takes for a query that waits for nothing; the server ends a query that waits for longer.
SHORT_SECONDS = 10
SIX = [migrations.AddField("book", f"extra_{number}", models.IntegerField(null=True)) for number in range(6)]
COLUMNS = "SELECT count(*) FROM pg_attribute WHERE attrelid = 'shop_book'::regclass AND attname LIKE 'extra%'"
OURS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'django_zero_downtime_migrations: replica'"
REPORT = "SELECT count(*) FROM shop_book"


@pytest.fixture
def shop(books: Shop, servers: Pair, primary: Any, follower: Any, settings: Any, caplog: Any) -> Iterator[Shop]:
    """A table that both servers have, and REPLICAS with the standby."""
    caplog.set_level("DEBUG", logger="django_zero_downtime_migrations")
    settings.ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT = "2s"
    settings.ZERO_DOWNTIME_MIGRATIONS_LOCK_RETRY_TIMEOUT = "10min"
    settings.ZERO_DOWNTIME_MIGRATIONS_REPLICAS = ["replica"]
    with database_of(servers.standby, "replica"):
        books.migrate(BOOK)
        servers.caught_up(primary, follower)
        yield books


@contextmanager
def report(servers: Pair) -> Iterator[Any]:
    """A transaction on the standby that has read the table."""
    with closing(servers.open_session(servers.standby)) as session:
        run(session, "BEGIN")
        run(session, REPORT)
        # The transaction is old for all readers of pg_stat_activity.
        time.sleep(2 * acquire.OLD_THERE / 1000)
        yield session


@contextmanager
def readers(servers: Pair) -> Iterator[list[float]]:
    """Three who read the table on the standby all the time; the seconds that each query took."""
    stop, seen = threading.Event(), list[float]()

    def read() -> None:
        with closing(servers.open_session(servers.standby)) as session:
            run(session, f"SET statement_timeout = '{SHORT_SECONDS}s'")
            while not stop.is_set():
                began = time.monotonic()
                run(session, REPORT)
                seen.append(time.monotonic() - began)

    with Beside(read) as one, Beside(read) as two, Beside(read) as three:
        try:
            yield seen
        finally:
            stop.set()
        for reader in (one, two, three):
            reader.result()


def says(caplog: Any, text: str) -> Callable[[], bool]:
    return lambda: text in caplog.text


def test_readers_go_on_beside_a_report_and_six_steps(
    shop: Shop, servers: Pair, primary: Any, follower: Any, caplog: Any
) -> None:
    with readers(servers) as seen, report(servers) as session, Beside(lambda: shop.migrate(*SIX)) as work:
        wait_until(says(caplog, " on replica 'replica' ("), "the step waits for the report", work)
        so_far = len(seen)
        wait_until(lambda: len(seen) > so_far + 100, "readers go on", work)
        assert run(primary, COLUMNS) == [(0,)]
        run(session, "COMMIT")
        work.result()
    servers.caught_up(primary, follower)
    assert run(follower, COLUMNS) == [(6,)]
    assert max(seen) < SHORT_SECONDS
    # A server process that is told to end does so in a moment of its own.
    wait_until(lambda: run(follower, OURS) == [(0,)], "our session on the standby is closed")


def test_a_report_that_begins_between_two_steps_is_waited_for(
    shop: Shop, servers: Pair, primary: Any, caplog: Any
) -> None:
    shop.migrate(SIX[0])
    with report(servers) as session, Beside(lambda: shop.migrate(*SIX[1:])) as work:
        wait_until(says(caplog, "ACCESS SHARE on shop_book"), "the step waits for the report", work)
        assert run(primary, COLUMNS) == [(1,)]
        run(session, "COMMIT")
        work.result()
    assert run(primary, COLUMNS) == [(6,)]


def test_the_next_lock_waits_until_the_last_one_is_replayed(
    shop: Shop, servers: Pair, primary: Any, follower: Any, caplog: Any
) -> None:
    run(follower, "SELECT pg_wal_replay_pause()")
    paused = "SELECT pg_get_wal_replay_pause_state()"
    wait_until(lambda: run(follower, paused) == [("paused",)], "the replay is paused")
    with Beside(lambda: shop.migrate(*SIX[:2])) as work:
        wait_until(says(caplog, "replica 'replica' has not replayed the last step"), "the second step waits", work)
        assert run(primary, COLUMNS) == [(1,)]
        run(follower, "SELECT pg_wal_replay_resume()")
        work.result()
    assert run(primary, COLUMNS) == [(2,)]


def test_a_reader_that_does_not_end_is_named_and_nothing_is_locked(
    shop: Shop, servers: Pair, primary: Any, settings: Any
) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_LOCK_RETRY_TIMEOUT = "500ms"
    with report(servers) as session, pytest.raises(LockNotAcquired) as caught:
        [(pid,)] = run(session, "SELECT pg_backend_pid()")
        shop.migrate(SIX[0])
    (blocker,) = caught.value.blockers
    assert (blocker.pid, blocker.replica, blocker.mode) == (pid, "replica", LockMode.ACCESS_SHARE)
    assert f"pid {pid} on replica 'replica' (" in told(caught.value)
    assert run(primary, COLUMNS) == [(0,)]


def test_readers_are_in_the_way_of_nothing_that_readers_may_do_beside(shop: Shop, servers: Pair, caplog: Any) -> None:
    with report(servers):
        shop.migrate(migrations.AddIndex("book", models.Index(fields=["title"], name="by_title")))
    assert "Waiting" not in caplog.text


def test_an_index_is_dropped_when_nobody_reads_its_table_there(
    shop: Shop, servers: Pair, primary: Any, follower: Any, caplog: Any
) -> None:
    """DROP INDEX CONCURRENTLY locks the index at its end, and so do readers of the table on the standby."""
    index = models.Index(fields=["title"], name="by_title")
    shop.migrate(migrations.AddIndex("book", index))
    servers.caught_up(primary, follower)
    with report(servers) as session, Beside(lambda: shop.migrate(migrations.RemoveIndex("book", "by_title"))) as work:
        wait_until(says(caplog, " on replica 'replica' ("), "the step waits for the report", work)
        assert run(primary, "SELECT to_regclass('by_title') IS NOT NULL") == [(True,)]
        run(follower, READS)
        run(session, "COMMIT")
        work.result()
    assert run(primary, "SELECT to_regclass('by_title')") == [(None,)]


def test_a_lost_connection_is_made_again(shop: Shop, follower: Any, caplog: Any) -> None:
    ended: list[int] = []

    def end(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        if "ADD COLUMN" in sql:
            found = run(follower, OURS.replace("count(*)", "pg_terminate_backend(pid)"))
            ended.append(len(found))
        return execute(sql, params, many, context)

    with shop.connection.execute_wrapper(end):
        shop.migrate(*SIX)
    assert sum(ended) == 6
    assert "cannot be asked any more" not in caplog.text


def test_a_standby_that_goes_away_is_told_of_once_and_left_out(
    shop: Shop, servers: Pair, primary: Any, caplog: Any, monkeypatch: Any
) -> None:
    def gone(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        if "ADD COLUMN" in sql:
            monkeypatch.setattr(replicas.Replicas, "_connect", refuse)
            with closing(servers.open_session(servers.standby)) as session:
                run(session, OURS.replace("count(*)", "pg_terminate_backend(pid)"))
        return execute(sql, params, many, context)

    def refuse(self: Any, alias: str) -> Any:
        raise OSError("no route to host")

    with shop.connection.execute_wrapper(gone):
        shop.migrate(*SIX)
    assert caplog.text.count("Replica 'replica' cannot be asked any more") == 1
    assert run(primary, COLUMNS) == [(6,)]


@pytest.mark.parametrize(
    ("alias", "why"),
    [("nowhere", "there is no such alias in DATABASES"), ("itself", "it is not a hot standby")],
)
def test_what_is_no_standby_is_refused_before_anything_is_sent(
    shop: Shop, servers: Pair, primary: Any, settings: Any, alias: str, why: str
) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_REPLICAS = ["replica", alias]
    with database_of(servers.primary, "itself"), pytest.raises(CannotMigrate) as caught:
        shop.migrate(*SIX)
    assert f"REPLICAS names {alias!r}: {why}" in told(caught.value)
    assert run(primary, COLUMNS) == [(0,)]


def test_a_standby_that_cannot_be_reached_at_the_beginning_is_refused(
    shop: Shop, servers: Pair, primary: Any, settings: Any
) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_REPLICAS = ["away"]
    with database_of(servers.standby, "away", PORT=1), pytest.raises(CannotMigrate, match="it cannot be reached"):
        shop.migrate(SIX[0])
    assert run(primary, COLUMNS) == [(0,)]


def test_a_standby_of_another_database_is_refused(shop: Shop, servers: Pair, settings: Any) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_REPLICAS = ["other"]
    with database_of(servers.standby, "other", NAME="template1"), pytest.raises(CannotMigrate, match="'template1'"):
        shop.migrate(SIX[0])


def test_new_tables_ask_nobody(shop: Shop, settings: Any) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_REPLICAS = ["nowhere"]
    shop.migrate(migrations.CreateModel("page", [("id", models.BigAutoField(primary_key=True))]))
