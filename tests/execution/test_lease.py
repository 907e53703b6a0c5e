"""The turn as a row with a lease: as behind a pooler of transactions (tests/pooler), but asked for directly."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from django_zero_downtime_migrations.errors import CannotMigrate
from django_zero_downtime_migrations.execution import lease
from django_zero_downtime_migrations.execution.advisory import find_place
from django_zero_downtime_migrations.execution.one_at_a_time import LeaseTurn, Turn
from tests.backends.sessions import Beside, run, wait_until

ROWS = 'SELECT holder FROM "zero_downtime_migrations_turn"'
TABLES = "SELECT relnamespace::regnamespace::text FROM pg_class WHERE relname = 'zero_downtime_migrations_turn'"
OVER = "UPDATE zero_downtime_migrations_turn SET until = now() - interval '1 second'"
LEFT = "SELECT extract(epoch FROM until - now()) FROM zero_downtime_migrations_turn"


def take(connection: BaseDatabaseWrapper, timeout_ms: int | None = 0) -> LeaseTurn:
    turn = LeaseTurn(connection, find_place(connection))
    turn._wait(timeout_ms)
    return turn


@pytest.fixture
def first(database: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    return database


@pytest.fixture
def second(first: BaseDatabaseWrapper, make_connection: Callable[..., BaseDatabaseWrapper]) -> BaseDatabaseWrapper:
    return make_connection(name=first.settings_dict["NAME"])


def test_the_table_stands_in_the_first_schema_and_goes_with_the_turn(first: BaseDatabaseWrapper, observer: Any) -> None:
    with first.cursor() as cursor:
        cursor.execute('CREATE SCHEMA "My ""own"""; SET search_path = nowhere, "My ""own""", public')
    turn = take(first)
    assert run(observer, TABLES) == [('"My ""own"""',)]
    turn.release()
    assert run(observer, TABLES) == []


def test_a_second_one_fails_and_is_told_who_has_the_turn(
    first: BaseDatabaseWrapper, second: BaseDatabaseWrapper
) -> None:
    take(first)
    with pytest.raises(CannotMigrate) as refused:
        take(second)
    text = str(refused.value)
    assert f"process {os.getpid()} on " in text
    assert f"({first.settings_dict['USER']}) since 2" in text
    assert 'DELETE FROM "public".zero_downtime_migrations_turn' in text


def test_a_second_one_waits_until_the_first_has_released_its_turn(
    first: BaseDatabaseWrapper, second: BaseDatabaseWrapper, caplog: Any, observer: Any
) -> None:
    turn = take(first)
    with Beside(lambda: take(connections[second.alias], None)) as work:
        wait_until(lambda: "Another migrate is at work" in caplog.text, "the second waits", work)
        turn.release()
        assert work.result().waited
    assert len(run(observer, ROWS)) == 1
    work.result().release()


def test_a_lease_that_is_over_goes_to_the_next(
    first: BaseDatabaseWrapper, second: BaseDatabaseWrapper, observer: Any
) -> None:
    turn = take(first)
    run(observer, OVER)
    later = take(second)
    turn.release()
    assert len(run(observer, ROWS)) == 1
    later.release()
    assert run(observer, TABLES) == []


def test_who_has_lost_the_turn_does_not_go_on(
    first: BaseDatabaseWrapper, second: BaseDatabaseWrapper, observer: Any, monkeypatch: Any
) -> None:
    turn = take(first)
    run(observer, OVER)
    later = take(second)
    monkeypatch.setattr(lease, "SECONDS", 0)
    with pytest.raises(CannotMigrate, match="Another migrate has got the turn"):
        turn.renew()
    for each in (turn, later):
        each.release()


def test_a_lease_is_renewed_when_a_third_of_it_is_over(first: BaseDatabaseWrapper, observer: Any) -> None:
    turn = take(first)
    run(observer, OVER)
    turn.renew()
    assert run(observer, LEFT)[0][0] < 0
    turn._lease._renewed -= lease.SECONDS / 3
    turn.renew()
    assert run(observer, LEFT)[0][0] > 0
    turn.release()


def test_a_lease_is_renewed_while_a_long_step_runs(first: BaseDatabaseWrapper, observer: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(lease, "PART", lease.SECONDS * 100)
    turn = take(first)
    run(observer, OVER)
    wait_until(lambda: run(observer, LEFT)[0][0] > 0, "the lease is renewed")
    turn.release()


def test_a_lease_is_not_renewed_in_an_open_transaction(
    first: BaseDatabaseWrapper, django_assert_num_queries: Any
) -> None:
    turn = take(first)
    turn._lease._renewed -= lease.SECONDS
    with transaction.atomic(first.alias), django_assert_num_queries(0, connection=first):
        turn.renew()
    turn.release()


def test_a_row_that_somebody_has_deleted_is_made_again(first: BaseDatabaseWrapper, observer: Any) -> None:
    turn = take(first)
    run(observer, "DROP TABLE zero_downtime_migrations_turn")
    turn._lease._renewed -= lease.SECONDS
    turn.renew()
    assert len(run(observer, ROWS)) == 1
    turn.release()


def test_the_same_connection_has_its_turn_twice_and_the_outer_one_ends_it(
    first: BaseDatabaseWrapper, observer: Any
) -> None:
    outer = take(first)
    inner = take(first)
    assert not inner.waited
    inner.release()
    assert len(run(observer, ROWS)) == 1
    outer.release()
    assert run(observer, TABLES) == []


def test_a_turn_whose_connection_is_closed_is_released_by_another(first: BaseDatabaseWrapper, observer: Any) -> None:
    turn = take(first)
    first.close()
    turn.release()
    assert run(observer, TABLES) == []


def test_a_turn_is_released_while_a_transaction_is_open(first: BaseDatabaseWrapper, observer: Any) -> None:
    turn = take(first)
    with pytest.raises(ZeroDivisionError), transaction.atomic(first.alias):
        try:
            raise ZeroDivisionError
        finally:
            turn.release()
    assert run(observer, TABLES) == []


def test_a_turn_that_cannot_be_released_raises_nothing_and_ends_with_its_lease(
    first: BaseDatabaseWrapper, other_session: Any, observer: Any, caplog: Any
) -> None:
    caplog.set_level("DEBUG", logger="django_zero_downtime_migrations")
    turn = take(first)
    with first.cursor() as cursor:
        cursor.execute("SET lock_timeout = 50")
    run(other_session, "LOCK TABLE zero_downtime_migrations_turn")
    turn.release()
    other_session.rollback()
    assert "The lease could not be released" in caplog.text
    assert len(run(observer, ROWS)) == 1


def test_a_table_that_somebody_reads_stays_without_the_row(
    first: BaseDatabaseWrapper, second: BaseDatabaseWrapper, other_session: Any, observer: Any
) -> None:
    turn = take(first)
    run(other_session, ROWS)
    turn.release()
    assert run(observer, ROWS) == []
    other_session.rollback()
    take(second).release()
    assert run(observer, TABLES) == []


def test_without_autocommit_the_row_is_committed_and_no_transaction_left(
    first: BaseDatabaseWrapper, make_connection: Callable[..., BaseDatabaseWrapper], observer: Any
) -> None:
    turn = take(make_connection(name=first.settings_dict["NAME"], AUTOCOMMIT=False))
    assert len(run(observer, ROWS)) == 1
    turn.release()
    assert run(observer, TABLES) == []


# Who goes past the pooler has an advisory lock


def test_a_session_waits_for_a_lease(first: BaseDatabaseWrapper, second: BaseDatabaseWrapper) -> None:
    turn = take(first)
    with pytest.raises(CannotMigrate, match=r"until .* unless it renews"):
        Turn.take(second, 0)
    turn.release()
    assert not Turn.take(second, 0).waited


def test_a_lease_waits_for_a_session(first: BaseDatabaseWrapper, second: BaseDatabaseWrapper, observer: Any) -> None:
    turn = Turn.take(first, 0)
    with pytest.raises(CannotMigrate, match="pg_terminate_backend"):
        take(second)
    assert run(observer, TABLES) == []
    turn.release()
    take(second).release()


def test_a_session_in_a_transaction_asks_for_leases_too(
    first: BaseDatabaseWrapper, second: BaseDatabaseWrapper
) -> None:
    turn = take(first)
    with transaction.atomic(second.alias):
        with pytest.raises(CannotMigrate):
            Turn.take(second, 0)
        turn.release()
        Turn.take(second, 0).release()
