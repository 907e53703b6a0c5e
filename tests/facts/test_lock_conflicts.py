"""The lock modes' conflict table, asked of a server: which second lock has to wait for which first one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from django_zero_downtime_migrations.locks import LockMode


@pytest.mark.parametrize("held", LockMode, ids=str)
def test_a_lock_makes_exactly_those_wait_that_the_server_makes_wait(
    held: LockMode, open_session: Callable[..., Any]
) -> None:
    holder, other = open_session(), open_session()
    for session in (holder,):
        session.cursor().execute("CREATE TABLE t (id int)")
        session.commit()
    holder.cursor().execute(f"LOCK TABLE t IN {held} MODE")

    waits = {mode for mode in LockMode if not _gets(other, mode)}

    assert waits == {mode for mode in LockMode if held.conflicts_with(mode)}
    holder.rollback()


def _gets(session: Any, mode: LockMode) -> bool:
    try:
        session.cursor().execute(f"LOCK TABLE t IN {mode} MODE NOWAIT")
    except Exception as error:
        if (getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)) != "55P03":
            raise
        return False
    finally:
        session.rollback()
    return True


def test_modes_are_ordered_as_postgresql_orders_them() -> None:
    assert (
        LockMode.ACCESS_SHARE.strength < LockMode.SHARE_UPDATE_EXCLUSIVE.strength < LockMode.ACCESS_EXCLUSIVE.strength
    )


def test_only_access_exclusive_blocks_reads() -> None:
    assert [mode for mode in LockMode if mode.blocks_reads] == [LockMode.ACCESS_EXCLUSIVE]


def test_share_and_stronger_modes_block_writes() -> None:
    assert [mode for mode in LockMode if mode.blocks_writes] == [
        LockMode.SHARE,
        LockMode.SHARE_ROW_EXCLUSIVE,
        LockMode.EXCLUSIVE,
        LockMode.ACCESS_EXCLUSIVE,
    ]
