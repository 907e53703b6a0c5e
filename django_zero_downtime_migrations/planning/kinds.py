"""The kinds of steps. How a step is sent, printed and stored follows from its class, and from nothing else::

    Step
      Protected            on a table that may be in use
        Short              changes the catalogue under a lock that blocks traffic, for a moment
          Blocking         the same lock for as long as the work takes: rewrites
            Reading        the same: scans
        Long               takes its time under a lock that lets reads and writes run: validations
        Concurrent         the same, CONCURRENTLY, so in no transaction
          ConcurrentBuild  leaves an INVALID index when it fails
          ConcurrentDrop
      UsersOwn             SQL that the user has written
      Batches              an UPDATE of many rows, range by range
      AsStock              on a table that cannot be in use yet
      InCallers            in a transaction that the caller has opened

What treats the classes differently is a :class:`Visitor`: ``execution.attempt.Attempt`` and
``execution.script.Script``. A kind that derives from another one is sent and printed like it, unless it says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol, TypeVar

from ..ddl import statements as s
from ..ddl.scan import is_concurrent
from ..locks import Lock, LockMode
from ..record import Record
from .queries import Fill, Query, Rows

StepType = TypeVar("StepType", bound="Step")
#: Returns the text of a query with its parameters in it.
Composed = Callable[[Query], str]


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
    :cvar stored_as: its word in a journal, which stays when the class is renamed. A class without one is not stored.
    :cvar is_seen: the catalogue shows whether it is done.
    :cvar bounded: its work may not take longer than the cap that is derived from LOCK_TIMEOUT.
    """

    word: ClassVar[str]
    stored_as: ClassVar[str]
    #: The kinds that can be stored, in the order of their definition.
    stored: ClassVar[list[type[Step]]] = []
    is_seen: ClassVar[bool] = True
    bounded: ClassVar[bool] = True
    queries: tuple[Query, ...]
    statement: s.Statement
    locks: tuple[Lock, ...] = ()
    undo: tuple[Step, ...] = ()
    leftover: tuple[Step, ...] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "stored_as" in vars(cls):
            Step.stored.append(cls)

    def accept(self, visitor: Visitor) -> None:
        """Call the visitor's method for this class."""
        raise NotImplementedError

    def more_to_store(self, composed: Composed) -> dict[str, Any]:
        """Return what a journal has of a step of this class alone, as JSON."""
        return {}

    @classmethod
    def read_more(cls, stored: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the fields of this class alone; None if what is stored under its word is of another kind.

        Of the kinds with one word the one that was defined last is asked first.
        """
        return {}

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
    stored_as = "short"

    def accept(self, visitor: Visitor) -> None:
        visitor.short(self)


class Blocking(Short):
    """A step that blocks traffic for as long as it takes: a short step without the cap on its work."""

    word = "unsafe"
    stored_as = "unsafe"
    bounded = False


class Reading(Blocking):
    """A blocking step that reads rows, and writes none."""

    stored_as = "unsafe scan"


class Long(Protected):
    """A step that takes its time under a lock that lets reads and writes run: without a short lock timeout, in its own
    transaction.
    """

    word = "long"
    stored_as = "long"

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

    stored_as = "long"
    index: str

    def more_to_store(self, composed: Composed) -> dict[str, Any]:
        return {"building": self.index}

    @classmethod
    def read_more(cls, stored: Mapping[str, Any]) -> dict[str, Any] | None:
        return {"index": stored["building"]} if stored["building"] else None


class ConcurrentDrop(Concurrent):
    """A concurrent drop of an index."""

    stored_as = "long"

    @classmethod
    def read_more(cls, stored: Mapping[str, Any]) -> dict[str, Any] | None:
        is_drop = [sql.startswith("DROP INDEX CONCURRENTLY ") for sql in stored["sql"]] == [True]
        return {} if is_drop else None

    @property
    def locks_on_replicas(self) -> tuple[Lock, ...]:
        """The lock on the dropped index at the end of the step: no session on the primary uses the index any more, but
        readers of the table on a standby do.
        """
        return tuple(lock._replace(mode=LockMode.ACCESS_EXCLUSIVE) for lock in self.locks)


class UsersOwn(Step):
    """The user's own SQL, as it was written."""

    word = "data"
    stored_as = "data"
    is_seen = False

    def accept(self, visitor: Visitor) -> None:
        visitor.users_own(self)

    @property
    def stands_alone(self) -> bool:
        return _stands_alone(self.statement)

    @property
    def needs_session(self) -> bool:
        return self.stands_alone and is_concurrent(self.statement.sql)


class Batches(Step):
    """A step that changes many rows, range by range. Its query describes the whole, and is not sent as it is.

    :param work: what is done; see ``execution.batches.fill``.
    """

    word = "data"
    stored_as = "data"
    is_seen = False
    work: Fill | Rows

    def accept(self, visitor: Visitor) -> None:
        visitor.batches(self)

    def more_to_store(self, composed: Composed) -> dict[str, Any]:
        work = self.work
        if isinstance(work, Fill):
            return {"fill": [work.table, work.column, composed(Query(work.default, work.params))]}
        stored = [work.table, composed(work.assignment), composed(work.where)]
        return {"rows": stored, **({"spares triggers": True} if work.spares_triggers else {})}

    @classmethod
    def read_more(cls, stored: Mapping[str, Any]) -> dict[str, Any] | None:
        match stored:
            case {"fill": [table, column, default]}:
                return {"work": Fill(table, column, default, None)}
            case {"rows": [table, assignment, where]}:
                spares = bool(stored.get("spares triggers"))
                return {"work": Rows(table, Query(assignment), Query(where), spares)}
        return None


class AsStock(Step):
    """A step on a table that is not in use yet, sent as stock Django sends it."""

    word = "stock"
    stored_as = "stock"

    def accept(self, visitor: Visitor) -> None:
        visitor.as_stock(self)

    @property
    def stands_alone(self) -> bool:
        return _stands_alone(self.statement)


class InCallers(Step):
    """A step in the caller's own transaction, sent as stock Django sends it, but under the timeouts."""

    word = "callers"
    stored_as = "callers"
    is_seen = False

    def accept(self, visitor: Visitor) -> None:
        visitor.in_callers(self)


def _stands_alone(statement: s.Statement) -> bool:
    """Return whether a statement that is sent as it was written stands alone: its template, or ``ddl.scan``, tells."""
    return isinstance(statement, (s.CreateIndex, s.DropIndex, s.Raw)) and statement.concurrently
