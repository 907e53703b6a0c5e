"""The turn as a transaction beside the connection: as behind a pooler of transactions, asked for directly."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from django_zero_downtime_migrations.errors import CannotMigrate
from django_zero_downtime_migrations.execution.one_migrate import lease
from django_zero_downtime_migrations.execution.one_migrate.advisory import find_place
from django_zero_downtime_migrations.execution.one_migrate.lease import LeaseTurn
from django_zero_downtime_migrations.execution.one_migrate.one_at_a_time import take_turn
from tests.backends.sessions import Beside, run, wait_until
from tests.execution.another_process import process

HOLDERS = """
SELECT a.pid, a.application_name, a.backend_xmin, a.backend_xid, a.query_start, now() - a.xact_start
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND a.datname = current_database()
"""
LOCKS = "SELECT locktype FROM pg_locks WHERE pid = %s ORDER BY 1"
TERMINATE = "SELECT pg_terminate_backend(%s)"


def take(connection: BaseDatabaseWrapper, timeout_ms: int | None = 0) -> LeaseTurn:
    turn = LeaseTurn(connection, find_place(connection))
    try:
        turn.wait(timeout_ms)
    except BaseException:
        turn.release()
        raise
    return turn


@pytest.fixture
def first(database: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    return database


@pytest.fixture
def second(first: BaseDatabaseWrapper, make_connection: Callable[..., BaseDatabaseWrapper]) -> BaseDatabaseWrapper:
    return make_connection(name=first.settings_dict["NAME"])


@pytest.fixture
def holders(observer: Any) -> Callable[[], list[tuple[Any, ...]]]:
    return lambda: run(observer, HOLDERS)


def test_it_leaves_nothing_in_the_database(first: BaseDatabaseWrapper, dump: Any, holders: Any) -> None:
    before = dump(first)
    turn = take(first)
    assert dump(first) == before
    turn.release()
    assert holders() == []
    assert dump(first) == before


def test_its_transaction_has_no_snapshot_no_id_and_no_lock_on_a_table(
    first: BaseDatabaseWrapper, holders: Any, observer: Any
) -> None:
    turn = take(first)
    [(pid, _, xmin, xid, *_)] = holders()
    assert (xmin, xid) == (None, None)
    assert run(observer, LOCKS, pid) == [("advisory",), ("virtualxid",)]
    turn.release()


def test_a_concurrent_build_does_not_wait_for_it(first: BaseDatabaseWrapper, observer: Any) -> None:
    turn = take(first)
    run(observer, "CREATE TABLE book (title text); INSERT INTO book VALUES ('x')")
    with Beside(lambda: run(observer, "CREATE INDEX CONCURRENTLY by_title ON book (title)")) as build:
        build.result()
    turn.release()


def test_a_second_one_fails_and_is_told_who_has_the_turn(
    first: BaseDatabaseWrapper, second: BaseDatabaseWrapper, holders: Any
) -> None:
    turn = take(first)
    with pytest.raises(CannotMigrate) as refused:
        take(second)
    text = str(refused.value)
    [(pid, *_)] = holders()
    assert f"application 'django_zero_downtime_migrations: process {os.getpid()} on " in text
    assert f"pid {pid} ({first.settings_dict['USER']}, " in text
    assert f"SELECT pg_terminate_backend({pid})" in text
    turn.release()


def test_a_second_one_waits_until_the_first_has_released_its_turn(
    first: BaseDatabaseWrapper, second: BaseDatabaseWrapper, caplog: Any, holders: Any
) -> None:
    turn = take(first)
    with Beside(lambda: take(connections[second.alias], None)) as work:
        wait_until(lambda: "Another migrate is at work" in caplog.text, "the second waits", work)
        # The waiting run holds no connection of the pool meanwhile.
        assert len(holders()) == 1
        turn.release()
        assert work.result().waited
    assert len(holders()) == 1
    work.result().release()


# The process and its turn end together


def test_a_killed_process_leaves_the_turn_to_the_next(first: BaseDatabaseWrapper, second: BaseDatabaseWrapper) -> None:
    with process(first) as other:
        with pytest.raises(CannotMigrate, match=f"process {other.pid} on "):
            take(second)
        other.kill()
        take(second, None).release()


def test_a_process_that_stands_still_loses_its_turn_and_does_not_go_on(
    first: BaseDatabaseWrapper, second: BaseDatabaseWrapper
) -> None:
    with process(first, seconds=1) as other:
        other.send_signal(signal.SIGSTOP)
        turn = take(second, None)
        other.send_signal(signal.SIGCONT)
        said, _ = other.communicate("\n")
        assert "The turn of this migrate in the database" in said
        assert "is not sent any more; run migrate again" in said
        turn.release()


def test_a_lease_lasts_for_thirty_seconds(first: BaseDatabaseWrapper) -> None:
    turn = take(first)
    assert turn._lease._execute("SHOW idle_in_transaction_session_timeout") == ("30s",)
    assert lease.SECONDS / lease.PART <= 10
    turn.release()


def test_a_turn_is_kept_for_longer_than_its_lease_while_a_step_runs(
    first: BaseDatabaseWrapper, second: BaseDatabaseWrapper, holders: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(lease, "SECONDS", 1.0)
    turn = take(first)
    [before] = holders()
    wait_until(lambda: holders()[0][-1].total_seconds() > 3, "three times the lease is over")
    [after] = holders()
    assert after[0] == before[0]
    assert after[4] > before[4]
    with pytest.raises(CannotMigrate):
        take(second)
    turn.renew()
    turn.release()


def test_timeouts_of_the_role_do_not_end_it(
    first: BaseDatabaseWrapper, holders: Any, observer: Any, monkeypatch: Any
) -> None:
    names = ("idle_in_transaction_session_timeout", "statement_timeout", "transaction_timeout", "idle_session_timeout")
    name = first.settings_dict["NAME"]
    for (setting,) in run(observer, "SELECT name FROM pg_settings WHERE name = ANY (%s)", list(names)):
        run(observer, f"ALTER DATABASE {name} SET {setting} = '300ms'")
    monkeypatch.setattr(lease, "SECONDS", 6.0)
    turn = take(first)
    wait_until(lambda: holders()[0][-1].total_seconds() > 3, "it is open for longer")
    first.close()
    turn.renew()
    turn.release()


def test_who_has_lost_the_turn_does_not_go_on(
    first: BaseDatabaseWrapper, second: BaseDatabaseWrapper, holders: Any, observer: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(lease, "SECONDS", 0.3)
    turn = take(first)
    [(pid, *_)] = holders()
    run(observer, TERMINATE, pid)
    later = take(second, None)
    wait_until(lambda: turn._lease.lost, "it is noticed")
    with pytest.raises(CannotMigrate, match="is lost, since the transaction that held it has ended"):
        turn.renew()
    for each in (turn, later):
        each.release()
    assert holders() == []


def test_a_turn_is_kept_without_a_question(first: BaseDatabaseWrapper, django_assert_num_queries: Any) -> None:
    turn = take(first)
    with django_assert_num_queries(0, connection=first):
        turn.renew()
    with transaction.atomic(first.alias), django_assert_num_queries(0, connection=first):
        turn.renew()
    turn.release()


# The same connection


def test_the_same_connection_has_its_turn_twice_and_the_outer_one_ends_it(
    first: BaseDatabaseWrapper, holders: Any
) -> None:
    outer = take(first)
    inner = take(first)
    assert not inner.waited
    inner.release()
    inner.release()
    assert len(holders()) == 1
    outer.release()
    assert holders() == []


def test_another_schema_has_a_turn_of_its_own(
    first: BaseDatabaseWrapper, second: BaseDatabaseWrapper, holders: Any
) -> None:
    turn = take(first)
    with second.cursor() as cursor:
        cursor.execute("CREATE SCHEMA tenant; SET search_path = tenant, public")
    take(second).release()
    with first.cursor() as cursor:
        cursor.execute("SET search_path = tenant, public")
    inner = take(first)
    assert len(holders()) == 2
    inner.release()
    turn.release()
    assert holders() == []


def test_a_turn_whose_connection_is_closed_is_kept_and_released(first: BaseDatabaseWrapper, holders: Any) -> None:
    turn = take(first)
    first.close()
    turn.renew()
    assert len(holders()) == 1
    turn.release()
    assert holders() == []


def test_a_turn_is_released_while_a_transaction_is_open(first: BaseDatabaseWrapper, holders: Any) -> None:
    turn = take(first)
    with pytest.raises(ZeroDivisionError), transaction.atomic(first.alias):
        try:
            raise ZeroDivisionError
        finally:
            turn.release()
    assert holders() == []


def test_a_turn_that_cannot_be_released_raises_nothing(first: BaseDatabaseWrapper, holders: Any, observer: Any) -> None:
    turn = take(first)
    [(pid, *_)] = holders()
    run(observer, TERMINATE, pid)
    turn.release()
    assert holders() == []
    take(first).release()


def test_without_autocommit_no_transaction_of_the_connection_is_left(
    first: BaseDatabaseWrapper, make_connection: Callable[..., BaseDatabaseWrapper], observer: Any, holders: Any
) -> None:
    turn = take(make_connection(name=first.settings_dict["NAME"], AUTOCOMMIT=False))
    [(pid, *_)] = holders()
    open_ = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%%'"
    assert run(observer, open_ + " AND pid <> %s", pid) == []
    turn.release()


def test_a_server_that_takes_no_second_connection_is_refused(
    first: BaseDatabaseWrapper, observer: Any, monkeypatch: Any
) -> None:
    first.ensure_connection()
    monkeypatch.setitem(first.settings_dict, "PORT", "1")
    with pytest.raises(CannotMigrate, match=r"has not given it a second server connection .* Nothing was sent"):
        take(first)


# A client that goes past the pooler has a lock of the session


def test_a_session_waits_for_a_lease(first: BaseDatabaseWrapper, second: BaseDatabaseWrapper) -> None:
    turn = take(first)
    with pytest.raises(CannotMigrate, match=f"process {os.getpid()} on "):
        take_turn(second, 0)
    turn.release()
    assert not take_turn(second, 0).waited


def test_a_lease_waits_for_a_session(first: BaseDatabaseWrapper, second: BaseDatabaseWrapper, holders: Any) -> None:
    turn = take_turn(first, 0)
    with pytest.raises(CannotMigrate, match="pg_terminate_backend"):
        take(second)
    turn.release()
    assert holders() == []
    take(second).release()


def test_a_session_in_a_transaction_asks_for_leases_too(
    first: BaseDatabaseWrapper, second: BaseDatabaseWrapper
) -> None:
    turn = take(first)
    with transaction.atomic(second.alias):
        with pytest.raises(CannotMigrate):
            take_turn(second, 0)
        turn.release()
        take_turn(second, 0).release()
