"""One `migrate` at a time through PgBouncer: by a row where it pools transactions, since a lock would be strangers'."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections, transaction

from django_zero_downtime_migrations.errors import CannotMigrate
from django_zero_downtime_migrations.execution.one_at_a_time import Turn
from tests.backends.project import Shop
from tests.backends.sessions import Beside, run, wait_until

TABLE = "SELECT 1 FROM pg_class WHERE relname = 'zero_downtime_migrations_turn'"
LOCKS = """
SELECT l.pid FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND a.datname = current_database()
"""
POOLS: dict[str, dict[str, Any]] = {
    "transaction": {},
    "transaction, one server connection": {"default_pool_size": 1},
    "transaction, in turns": {"server_round_robin": 1, "min_pool_size": 4},
    "session": {},
    "statement": {},
}
BY_ROW = [name for name in POOLS if name != "session"]


@pytest.fixture
def pool(pooled: Callable[..., Shop], request: Any) -> Shop:
    return pooled(request.param.partition(",")[0], **POOLS[request.param])


def take(shop: Shop, timeout_ms: int | None = 0) -> Turn:
    return Turn.take(connections[shop.alias], timeout_ms)


each = pytest.mark.parametrize("pool", POOLS, indirect=True)
by_row = pytest.mark.parametrize("pool", BY_ROW, indirect=True)


@by_row
def test_a_pool_that_shares_connections_has_a_row_and_no_lock(pool: Shop, observer: Any) -> None:
    turn = take(pool)
    assert run(observer, TABLE) == [(1,)]
    assert run(observer, LOCKS) == []
    turn.release()
    assert run(observer, TABLE) == []


@pytest.mark.parametrize("pool", ["session"], indirect=True)
def test_a_pool_of_sessions_has_a_lock_and_no_row(pool: Shop, observer: Any) -> None:
    turn = take(pool)
    assert run(observer, TABLE) == []
    assert len(run(observer, LOCKS)) == 1
    turn.release()
    assert run(observer, LOCKS) == []


@each
def test_the_second_client_is_refused_while_the_first_has_its_turn(pool: Shop, pooled: Callable[..., Shop]) -> None:
    turn = take(pool)
    with pytest.raises(CannotMigrate, match="Another migrate is at work"):
        take(pooled(like=pool))
    turn.release()
    take(pooled(like=pool)).release()


@each
def test_the_second_client_goes_on_when_the_first_has_ended(
    pool: Shop, pooled: Callable[..., Shop], observer: Any, caplog: Any
) -> None:
    second = pooled(like=pool)

    def work() -> bool:
        turn = take(second, None)
        turn.release()
        return turn.waited

    turn = take(pool)
    with Beside(work) as waiting:
        wait_until(lambda: "Another migrate is at work" in caplog.text, "the second waits", waiting)
        turn.release()
        assert waiting.result()
    assert run(observer, TABLE) == []


@by_row
def test_who_goes_past_the_pooler_waits_as_well(pool: Shop, make_connection: Callable[..., Any], database: Any) -> None:
    direct = make_connection(name=database.settings_dict["NAME"])
    turn = take(pool)
    with pytest.raises(CannotMigrate, match="unless it renews its lease"):
        Turn.take(direct, 0)
    turn.release()
    past = Turn.take(direct, 0)
    with pytest.raises(CannotMigrate, match="pg_terminate_backend"):
        take(pool)
    past.release()


@pytest.mark.parametrize("pool", ["transaction", "session"], indirect=True)
def test_in_a_transaction_of_the_callers_the_lock_ends_with_it(
    pool: Shop, pooled: Callable[..., Shop], observer: Any
) -> None:
    with transaction.atomic(pool.alias):
        turn = take(pool)
        with pytest.raises(CannotMigrate):
            take(pooled(like=pool))
        turn.release()
    assert run(observer, LOCKS) == []


@pytest.mark.parametrize("pool", ["transaction"], indirect=True)
def test_without_autocommit_the_pool_is_found_too(
    pool: Shop, make_connection: Callable[..., Any], observer: Any
) -> None:
    parameters = pool.connection.settings_dict
    connection = make_connection(
        name=parameters["NAME"], HOST=parameters["HOST"], PORT=parameters["PORT"], AUTOCOMMIT=False
    )
    turn = Turn.take(connection, 0)
    assert run(observer, TABLE) == [(1,)]
    assert run(observer, LOCKS) == []
    turn.release()
    assert run(observer, TABLE) == []
