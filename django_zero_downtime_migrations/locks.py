"""PostgreSQL's table lock modes, what they block, and the sessions that may hold one.

https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES, confirmed by
``tests/facts/test_lock_conflicts.py`` on a server.
"""

from __future__ import annotations

import enum

from .printable import printable
from .record import Row


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
        """Whether a plain SELECT has to wait."""
        return self.conflicts_with(LockMode.ACCESS_SHARE)

    @property
    def blocks_writes(self) -> bool:
        """Whether INSERT, UPDATE and DELETE have to wait."""
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


class Lock(Row):
    """A lock that a step takes on a table, and on all its partitions if it has any.

    :param table: the table, or index, as it is written in SQL, quoted.
    :param only: not on its partitions.
    """

    table: str
    mode: LockMode
    only: bool = False

    def __str__(self) -> str:
        return f"{self.mode} on {self.table}"


class Blocker(Row):
    """A session, or a prepared transaction, that holds a lock which a step has to wait for.

    Values that the role may not see are None. ``age`` is the age of its transaction in ms, ``query`` the beginning of
    its text if SHOW_BLOCKING_QUERIES is on. If a step waits for the end of a transaction, and not for one of its locks,
    the blocker has no ``mode`` and ``relation``. ``replica`` is the alias of the hot standby on which it is.
    """

    pid: int | None
    user: str | None
    application: str | None
    client: str | None
    backend_type: str | None
    state: str | None
    prepared: str | None
    age: int | None
    mode: LockMode | None
    relation: str | None
    wraparound: bool | None
    query: str | None
    replica: str | None = None

    def older_than(self, limit: float) -> bool:
        """Return whether its transaction is older, or of an age that the role may not see.

        :param limit: in ms.
        """
        return self.age is None or self.age > limit

    @property
    def autovacuum(self) -> bool:
        return self.backend_type == "autovacuum worker"

    def __str__(self) -> str:
        since = "for a time that this role may not see" if self.age is None else f"for {self.age / 1000:.1f} s"
        query = f": {self.query}" if self.query else ""
        lock = f", {self.mode} on {self.relation}" if self.mode else ""
        return printable(f"{self._who} {self._state} {since}{lock}{query}")

    @property
    def _who(self) -> str:
        if self.prepared is not None:
            return f"prepared transaction {self.prepared!r} of {self.user}"
        if self.autovacuum:
            return f"autovacuum, pid {self.pid}{' (to prevent wraparound: it will not yield)' * bool(self.wraparound)},"
        details = (self.user, self.application and f"application {self.application!r}", self.client)
        there = f" on replica {self.replica!r}" if self.replica is not None else ""
        return f"pid {self.pid}{there} ({', '.join(filter(None, details)) or 'unknown'})"

    @property
    def _state(self) -> str:
        return self.state or ("open" if self.prepared is not None else "at work")
