"""A plan: the steps of one call of the schema editor, and its findings."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..ddl import statements as s
from ..ddl.scan import is_concurrent
from ..findings import Finding
from ..locks import Lock, LockMode


class StepClass(enum.Enum):
    """How a step is sent; BEHAVIOUR's classes A to D, and what needs no protection."""

    #: Changes the catalogue under a lock that blocks traffic: under the timeouts, in a transaction of its own.
    SHORT = "short"
    #: Takes its time under a lock that lets reads and writes run: without a short lock timeout, outside any
    #: transaction.
    LONG = "long"
    #: Touches rows, or is the user's own SQL.
    DATA = "data"
    #: Blocks traffic for as long as it takes: like SHORT, but without the cap that is derived from LOCK_TIMEOUT.
    UNSAFE = "unsafe"
    #: Nobody uses the table yet: as stock Django sends it.
    STOCK = "stock"
    #: The caller's own transaction is open: as stock Django sends it, but under the timeouts.
    CALLERS = "callers"


class Query(NamedTuple):
    sql: str
    params: s.Params = None


class Step(NamedTuple):
    """What is sent at once: one query, or several in one transaction.

    :param locks: every table lock that it takes and holds to its end.
    :param undo: what takes it back, once it has run, when a later step of the call fails; empty where it cannot be
        taken back.
    :param leftover: what removes its remains when it fails itself (only CONCURRENTLY leaves any).
    :param fill: set on a step that runs batch by batch; see ``execution.fill``.
    :param building: the index that it builds CONCURRENTLY, as it is written in SQL.
    """

    queries: tuple[Query, ...]
    kind: StepClass
    statement: s.Statement
    locks: tuple[Lock, ...] = ()
    undo: tuple[Step, ...] = ()
    leftover: tuple[Step, ...] = ()
    fill: Fill | None = None
    building: str = ""

    @property
    def sql(self) -> str:
        return "; ".join(query.sql for query in self.queries)

    @property
    def locks_on_replicas(self) -> tuple[Lock, ...]:
        """What DROP INDEX CONCURRENTLY locks against readers on a hot standby; nothing for others that stand alone.

        At its end it locks the index, which nobody on the primary uses any more. Who reads the table on a standby does.
        """
        if not self.sql.lstrip().startswith("DROP INDEX CONCURRENTLY"):
            return ()
        return tuple(lock._replace(mode=LockMode.ACCESS_EXCLUSIVE) for lock in self.locks)

    @property
    def stands_alone(self) -> bool:
        """It is CONCURRENTLY: the server refuses it in any transaction, and so beside ``SET LOCAL`` in one string."""
        return " CONCURRENTLY " in self.sql.partition('"')[0]

    @property
    def needs_session(self) -> bool:
        """It takes its time, and leaves something when its client goes away meanwhile: a session of its own has to be
        there for it.
        """
        if isinstance(self.statement, s.Raw):
            return self.statement.concurrently and is_concurrent(self.statement.sql)
        return self.kind is StepClass.LONG and self.stands_alone


class Fill(NamedTuple):
    """An UPDATE of the rows of a table whose column is NULL, done in ranges of pages."""

    table: str
    column: str
    default: str
    params: s.Params


class Plan(NamedTuple):
    steps: tuple[Step, ...] = ()
    findings: tuple[Finding, ...] = ()


def short(
    statement: s.Statement, *sql: str | Query, locks: Iterable[Lock] | None = None, undo: Sequence[Step] = ()
) -> Step:
    """A step of class A. Its locks are the statement's own unless given."""
    queries = tuple(query if isinstance(query, Query) else Query(query) for query in sql)
    taken = statement.locks() if locks is None else locks
    return Step(queries, StepClass.SHORT, statement, tuple(taken), tuple(undo))


def long(
    statement: s.Statement,
    sql: str | Query,
    locks: Iterable[Lock] | None = None,
    undo: Sequence[Step] = (),
) -> Step:
    """A step of class B: under SHARE UPDATE EXCLUSIVE on the statement's table, unless its locks are given."""
    query = sql if isinstance(sql, Query) else Query(sql)
    if locks is None:
        locks = (Lock(statement.table, LockMode.SHARE_UPDATE_EXCLUSIVE),) if statement.table else ()
    return Step((query,), StepClass.LONG, statement, tuple(locks), tuple(undo))


def builds(statement: s.Statement, sql: str | Query, index: str, locks: Iterable[Lock] | None = None) -> Step:
    """A step of class B that builds an index CONCURRENTLY. :param index: its name as it is written in SQL."""
    drop = long(statement, f"DROP INDEX CONCURRENTLY IF EXISTS {index}", locks)
    return long(statement, sql, locks, undo=[drop])._replace(leftover=(drop,), building=index)


def as_written(statement: s.Statement, kind: StepClass, locks: Iterable[Lock] | None = None) -> Step:
    taken = statement.locks() if locks is None else locks
    return Step((Query(statement.sql, statement.params),), kind, statement, tuple(taken))
