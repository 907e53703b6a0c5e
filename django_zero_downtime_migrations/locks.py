"""PostgreSQL's table lock modes and what they block.

https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES, confirmed by
``tests/unit/test_locks.py`` on a server.
"""

from __future__ import annotations

import enum
from typing import NamedTuple


class LockMode(enum.Enum):
    """A table lock; the value is its name in ``pg_locks.mode``."""

    ACCESS_SHARE = "AccessShareLock"
    ROW_SHARE = "RowShareLock"
    ROW_EXCLUSIVE = "RowExclusiveLock"
    SHARE_UPDATE_EXCLUSIVE = "ShareUpdateExclusiveLock"
    SHARE = "ShareLock"
    SHARE_ROW_EXCLUSIVE = "ShareRowExclusiveLock"
    EXCLUSIVE = "ExclusiveLock"
    ACCESS_EXCLUSIVE = "AccessExclusiveLock"

    def __str__(self) -> str:
        return self.name.replace("_", " ")

    @property
    def strength(self) -> int:
        """The mode's place in PostgreSQL's own order, 1 to 8."""
        return list(LockMode).index(self) + 1

    def conflicts_with(self, other: LockMode) -> bool:
        return other in CONFLICTS[self]

    @property
    def blocks_reads(self) -> bool:
        """A plain SELECT has to wait."""
        return self.conflicts_with(LockMode.ACCESS_SHARE)

    @property
    def blocks_writes(self) -> bool:
        """INSERT, UPDATE and DELETE have to wait."""
        return self.conflicts_with(LockMode.ROW_EXCLUSIVE)

    @property
    def blocks_traffic(self) -> bool:
        return self.blocks_reads or self.blocks_writes


_M = LockMode
CONFLICTS: dict[LockMode, frozenset[LockMode]] = {
    _M.ACCESS_SHARE: frozenset({_M.ACCESS_EXCLUSIVE}),
    _M.ROW_SHARE: frozenset({_M.EXCLUSIVE, _M.ACCESS_EXCLUSIVE}),
    _M.ROW_EXCLUSIVE: frozenset({_M.SHARE, _M.SHARE_ROW_EXCLUSIVE, _M.EXCLUSIVE, _M.ACCESS_EXCLUSIVE}),
    _M.SHARE_UPDATE_EXCLUSIVE: frozenset(
        {_M.SHARE_UPDATE_EXCLUSIVE, _M.SHARE, _M.SHARE_ROW_EXCLUSIVE, _M.EXCLUSIVE, _M.ACCESS_EXCLUSIVE}
    ),
    _M.SHARE: frozenset(
        {_M.ROW_EXCLUSIVE, _M.SHARE_UPDATE_EXCLUSIVE, _M.SHARE_ROW_EXCLUSIVE, _M.EXCLUSIVE, _M.ACCESS_EXCLUSIVE}
    ),
    _M.SHARE_ROW_EXCLUSIVE: frozenset(set(LockMode) - {_M.ACCESS_SHARE, _M.ROW_SHARE}),
    _M.EXCLUSIVE: frozenset(set(LockMode) - {_M.ACCESS_SHARE}),
    _M.ACCESS_EXCLUSIVE: frozenset(LockMode),
}


class Lock(NamedTuple):
    """A lock that a step takes on a table.

    :param table: the table as it is written in SQL, quoted.
    """

    table: str
    mode: LockMode

    def __str__(self) -> str:
        return f"{self.mode} on {self.table}"
