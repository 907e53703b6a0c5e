"""A plan: the steps of one call of the schema editor, and its findings.

How a step is sent, printed and stored follows from its class, and from nothing else::

    Step
      Protected            on a table that may be in use
        Short              changes the catalogue under a lock that blocks traffic, for a moment
          Blocking         the same lock for as long as the work takes: scans and rewrites
        Long               takes its time under a lock that lets reads and writes run: validations
        Concurrent         the same, CONCURRENTLY, so in no transaction
          ConcurrentBuild  leaves an INVALID index when it fails
          ConcurrentDrop
      Batches              an UPDATE of many rows, range by range
      UsersOwn             SQL that the user has written
      AsStock              on a table that cannot be in use yet
      InCallers            in a transaction that the caller has opened

What treats the classes differently is a :class:`Visitor`: ``execution.attempt.Attempt`` and
``execution.script.Script``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, Protocol, TypeVar

from ..ddl import statements as s
from ..ddl.scan import is_concurrent
from ..findings import Finding
from ..locks import Lock, LockMode
from ..record import Record, Row
from .queries import Fill, Query, Rows

StepType = TypeVar("StepType", bound="Step")
Locks = Iterable[Lock] | None


class Visitor(Protocol):
    """An action on a step that depends on its class."""

    def short(self, step: Short) -> None: ...
    def long(self, step: Long) -> None: ...
    def concurrent(self, step: Concurrent) -> None: ...
    def batches(self, step: Batches) -> None: ...
    def users_own(self, step: UsersOwn) -> None: ...
    def as_stock(self, step: AsStock) -> None: ...
    def in_callers(self, step: InCallers) -> None: ...


class Step(Record):
    """The unit that is sent at once: one query, or several in one transaction.

    :param locks: every table lock that it takes and holds to its end.
    :param undo: the steps that take it back, once it has run, when a later step of the call fails; empty if it cannot
        be taken back.
    :param leftover: the steps that remove its remains when it fails itself (only a concurrent build leaves any).
    :cvar word: its name in the log.
    :cvar is_seen: the catalogue shows whether it is done.
    :cvar bounded: its work may not take longer than the cap that is derived from LOCK_TIMEOUT.
    """

    word: ClassVar[str]
    is_seen: ClassVar[bool] = True
    bounded: ClassVar[bool] = True
    queries: tuple[Query, ...]
    statement: s.Statement
    locks: tuple[Lock, ...] = ()
    undo: tuple[Step, ...] = ()
    leftover: tuple[Step, ...] = ()

    def accept(self, visitor: Visitor) -> None:
        """Call the visitor's method for this class."""
        raise NotImplementedError

    @property
    def sql(self) -> str:
        return "; ".join(query.sql for query in self.queries)

    @property
    def stands_alone(self) -> bool:
        """Whether the server refuses it in any transaction, and so beside ``SET LOCAL`` in one string."""
        return False

    @property
    def needs_session(self) -> bool:
        """Whether it needs a session of its own: it is long, and leaves something if its client disconnects."""
        return False

    def sent_as(self, kind: type[StepType]) -> StepType:
        """Return a step with the same queries, sent in another way."""
        return kind(queries=self.queries, statement=self.statement, locks=self.locks, undo=self.undo)


class Protected(Step):
    """A step that is sent under the timeouts of its class, outside the transaction of the migration."""


class Short(Protected):
    """A step that changes the catalogue under a lock that blocks traffic, with timeouts, in its own transaction."""

    word = "short"

    def accept(self, visitor: Visitor) -> None:
        visitor.short(self)


class Blocking(Short):
    """A step that blocks traffic for as long as it takes: a short step without the cap on its work."""

    word = "unsafe"
    bounded = False


class Long(Protected):
    """A step that takes its time under a lock that lets reads and writes run: without a short lock timeout, in its own
    transaction.
    """

    word = "long"

    def accept(self, visitor: Visitor) -> None:
        visitor.long(self)


class Concurrent(Protected):
    """A long step that runs CONCURRENTLY."""

    word = "long"

    def accept(self, visitor: Visitor) -> None:
        visitor.concurrent(self)

    @property
    def stands_alone(self) -> bool:
        return True

    @property
    def needs_session(self) -> bool:
        return True

    @property
    def locks_on_replicas(self) -> tuple[Lock, ...]:
        """The locks that block readers on a hot standby."""
        return ()


class ConcurrentBuild(Concurrent):
    """A concurrent build of an index.

    :param index: the name of the index, as it is written in SQL.
    """

    index: str


class ConcurrentDrop(Concurrent):
    @property
    def locks_on_replicas(self) -> tuple[Lock, ...]:
        """The lock on the dropped index at the end of the step: no session on the primary uses the index any more, but
        readers of the table on a standby do.
        """
        return tuple(lock._replace(mode=LockMode.ACCESS_EXCLUSIVE) for lock in self.locks)


class Batches(Step):
    """A step that changes many rows, range by range. Its query describes the whole, and is not sent as it is.

    :param work: what is done; see ``execution.fill``.
    """

    word = "data"
    is_seen = False
    work: Fill | Rows

    def accept(self, visitor: Visitor) -> None:
        visitor.batches(self)


class UsersOwn(Step):
    """The user's own SQL, as it was written."""

    word = "data"
    is_seen = False

    def accept(self, visitor: Visitor) -> None:
        visitor.users_own(self)

    @property
    def stands_alone(self) -> bool:
        return _stands_alone(self.statement)

    @property
    def needs_session(self) -> bool:
        return self.stands_alone and is_concurrent(self.statement.sql)


class AsStock(Step):
    """A step on a table that is not in use yet, sent as stock Django sends it."""

    word = "stock"

    def accept(self, visitor: Visitor) -> None:
        visitor.as_stock(self)

    @property
    def stands_alone(self) -> bool:
        return _stands_alone(self.statement)


class InCallers(Step):
    """A step in the caller's own transaction, sent as stock Django sends it, but under the timeouts."""

    word = "callers"
    is_seen = False

    def accept(self, visitor: Visitor) -> None:
        visitor.in_callers(self)


def _stands_alone(statement: s.Statement) -> bool:
    """Return whether a statement that is sent as it was written stands alone: its template, or ``ddl.scan``, tells."""
    return isinstance(statement, (s.CreateIndex, s.DropIndex, s.Raw)) and statement.concurrently


class Plan(Row):
    steps: tuple[Step, ...] = ()
    findings: tuple[Finding, ...] = ()


def short(statement: s.Statement, *sql: str | Query, locks: Locks = None, undo: Sequence[Step] = ()) -> Short:
    """Make a short step. Its locks are the statement's own unless given."""
    taken = statement.locks() if locks is None else locks
    return Short(queries=tuple(map(_query, sql)), statement=statement, locks=tuple(taken), undo=tuple(undo))


def long(statement: s.Statement, sql: str | Query, locks: Locks = None, undo: Sequence[Step] = ()) -> Long:
    """Make a long step, under SHARE UPDATE EXCLUSIVE on the statement's table unless its locks are given."""
    return Long(queries=(_query(sql),), statement=statement, locks=_long_locks(statement, locks), undo=tuple(undo))


def builds(statement: s.Statement, sql: str | Query, index: str, locks: Locks = None) -> ConcurrentBuild:
    """Make a concurrent build. Its default locks are the ones of :func:`long`.

    :param index: its name as it is written in SQL.
    """
    taken = _long_locks(statement, locks)
    drop = drops(statement, f"DROP INDEX CONCURRENTLY IF EXISTS {index}", taken)
    return ConcurrentBuild(
        queries=(_query(sql),), statement=statement, locks=taken, undo=(drop,), leftover=(drop,), index=index
    )


def drops(statement: s.Statement, sql: str | Query, locks: Locks = None) -> ConcurrentDrop:
    """Make a concurrent drop. Its default locks are the ones of :func:`long`."""
    return ConcurrentDrop(queries=(_query(sql),), statement=statement, locks=_long_locks(statement, locks))


def as_written(statement: s.Statement, kind: type[StepType], locks: Locks = None) -> StepType:
    taken = statement.locks() if locks is None else locks
    return kind(queries=(Query(statement.sql, statement.params),), statement=statement, locks=tuple(taken))


def together(steps: Sequence[Step]) -> Short:
    """Make one transaction of several steps: they are all done, or none of them is.

    It has the strongest of their locks on each table, and is taken back as a whole if each of them can be.
    """
    kind = Short if all(step.bounded for step in steps) else Blocking
    told = next((step for step in steps if type(step) is kind), steps[-1])
    undo = [x for step in reversed(steps) for x in step.undo] if all(step.undo for step in steps) else []
    queries = tuple(query for step in steps for query in step.queries)
    return kind(queries=queries, statement=told.statement, locks=tuple(_strongest(steps)), undo=tuple(undo))


def _strongest(steps: Iterable[Step]) -> Iterable[Lock]:
    """Return the strongest lock on each table, in the order in which the tables are locked."""
    strongest: dict[str, Lock] = {}
    for lock in (lock for step in steps for lock in step.locks):
        known = strongest.setdefault(lock.table, lock)
        mode = max(known.mode, lock.mode, key=lambda mode: mode.strength)
        strongest[lock.table] = lock._replace(mode=mode, only=known.only and lock.only)
    return strongest.values()


def _query(sql: str | Query) -> Query:
    return sql if isinstance(sql, Query) else Query(sql)


def _long_locks(statement: s.Statement, locks: Locks) -> tuple[Lock, ...]:
    if locks is not None:
        return tuple(locks)
    return (Lock(statement.table, LockMode.SHARE_UPDATE_EXCLUSIVE),) if statement.table else ()
