"""What a migration has done, written down while it does it, so that a stop at any point costs a second ``migrate``.

The journal tells which calls of the schema editor are complete and what they have sent, and of the call under way its
steps, as they were planned before the first of them, and how many are done. A step in a transaction marks itself done
in it. One that stands alone is in doubt when the mark of the next is missing, and then the catalogue decides:
``execution.doubt``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import NamedTuple

from django.db import DatabaseError

from ...ddl import statements as s
from ...planning.steps import Query, Step
from ..server_errors import DUPLICATE_OBJECT, DUPLICATE_TABLE, sqlstate
from .store import Done, Entry, Identity, Store
from .stored_steps import read_steps, stored_step

#: The seconds for which the time of the last write may stay as it is where nothing else of the progress changes.
AGE = 10
#: The bytes of a part of the log, beyond which the next one begins: what is written for a call is bounded by it, so
#: that a migration's journal grows in proportion to the migration. A type has at most 1,600 attributes, hence SLOWLY.
PART = 2000
SLOWLY = 300


class Written(NamedTuple):
    """What the catalogue has after a write. :param call: the key of the call whose steps it has.

    :param finished: the call under way is in the log.
    :param at: when the progress was written, in seconds of the process's clock.
    """

    log: tuple[tuple[Done, ...], ...] = ()
    call: str = ""
    finished: bool = False
    exists: bool = False
    at: float = 0.0


class Journal:
    """The journal of the migration that is under way.

    :param identify: which migration that is; asked when there is something to write.
    :param entry: what an earlier run has left of it.
    :ivar steps: those of the call under way. :ivar done: how many of them are.
    """

    def __init__(
        self,
        store: Store,
        identify: Callable[[], Identity],
        entry: Entry | None = None,
    ) -> None:
        self.store = store
        self._identify = identify
        self._identity: Identity | None = None
        self.complete: list[str] = list(entry.complete) if entry else []
        self.key = ""
        self.steps: tuple[Step, ...] = ()
        self.done = 0
        self._written = Written(entry.log, exists=True) if entry else Written()
        #: What it will be when the string is sent that was composed last.
        self._next = self._written
        #: Complete calls that the catalogue does not have.
        self._pending: list[Done] = []
        #: The catalogue lacks something that the transaction under way has done.
        self._unsaid = False
        self.left = entry if entry and entry.call else None

    @property
    def identity(self) -> Identity:
        if self._identity is None:
            self._identity = self._identify()
        return self._identity

    @property
    def exists(self) -> bool:
        return self._written.exists

    # A call

    def begin(self, key: str, steps: Sequence[Step]) -> None:
        self.key, self.steps, self.done = key, tuple(steps), 0

    def go_on(self) -> None:
        """Begin with the call that an earlier run has left."""
        assert self.left is not None
        entry, self.left = self.left, None
        self.key, self.steps, self.done = entry.call, read_steps(entry.steps, entry.identity), entry.done
        self._written = self._written._replace(call=entry.call)

    def end(self) -> None:
        self.complete.append(self.key)
        if not self._written.finished:
            self._pending.append(self._call())
        self._written = self._written._replace(finished=False)
        self.key, self.steps, self.done = "", (), 0

    def _call(self) -> Done:
        """The call under way, as the log has it."""
        own = (step for step in self.steps if step.fill is None and not isinstance(step.statement, s.Raw))
        return Done(self.key, tuple(self.composed(query) for step in own for query in step.queries))

    # What is written with a step, and when it has been sent

    def before(self) -> str:
        """What has to be committed before a step that stands alone; empty when it is already."""
        if self._written.call == self.key or self._needs_no_journal:
            return ""
        return self._compose(self.done)

    @property
    def _needs_no_journal(self) -> bool:
        """The catalogue alone tells of an index whether it is there, valid, or begun."""
        alone = len(self.steps) == 1 and bool(self.steps[0].building)
        return alone and not (self.exists or self._pending)

    def after(self) -> str:
        """What goes into the transaction of the next step: it is done then."""
        return self._compose(self.done + 1)

    def unsaid(self) -> str:
        """What goes into the transaction that is about to be committed."""
        return self._compose(self.done) if self._unsaid else ""

    def wrote(self) -> None:
        """What :meth:`before` or :meth:`unsaid` gave is in the catalogue, or will be with its transaction."""
        self._written = self._next
        self._pending.clear()
        self._unsaid = False

    def advance(self, written: bool = False) -> None:
        """A step is done. :param written: what :meth:`after` gave went with it."""
        self.done += 1
        if written:
            self.wrote()
        else:
            self._unsaid = True

    def mark(self, key: str) -> None:
        """A call is complete with the transaction that is open, or by itself."""
        self.mark_with_transaction(key)
        self.write(self._compose(0))

    def mark_with_transaction(self, key: str) -> None:
        """A call is complete when the transaction that is open is committed: :meth:`unsaid` tells it."""
        self.complete.append(key)
        self._pending.append(Done(key))
        self._unsaid = True

    def write(self, sql: str) -> None:
        """Write now.

        :param sql: of :meth:`before` or :meth:`unsaid`; nothing is sent when it is empty.
        :raises CannotMigrate: when somebody has taken the name of the journal meanwhile.
        """
        if not sql:
            return
        try:
            self.store.run(sql)
        except DatabaseError as error:
            if sqlstate(error) in (DUPLICATE_OBJECT, DUPLICATE_TABLE):
                raise self.store.taken(self.identity, error) from error
            raise
        self.wrote()

    def back_to(self, done: int, whole: bool) -> None:
        """Say that the steps after these are about to be taken back.

        :param whole: everything else that the migration has done is, too.
        """
        self.done = done
        if done == 0:
            self.key, self.steps = "", ()
        if whole:
            self.complete.clear()
            self._pending.clear()
        if done or self.complete:
            self.write(self._compose(done))
        elif self.exists:
            self._remove()

    def _remove(self) -> None:
        parts, self._written = len(self._written.log), Written()
        if self.store.remove([self.identity]):
            # Somebody has made something of its type: it stays, and says that nothing has been done.
            self._written = Written(exists=True)
            self.write(f"{self.store.empty(self.identity, parts)}; {self._compose(0)}")

    # How it is composed

    def _compose(self, done: int) -> str:
        finished = bool(self.key) and done == len(self.steps)
        under_way = bool(self.key) and not finished
        log, changed = _appended(self._written.log, [*self._pending, *([self._call()] if finished else [])])
        self._next = Written(log, self.key if under_way else "", finished, exists=True, at=self._written.at)
        parts = [self.store.write(self.identity, f"log{number}", log[number]) for number in changed]
        if under_way and self._written.call != self.key:
            steps = [stored_step(step, self.composed) for step in self.steps]
            parts.append(self.store.write(self.identity, "steps", steps))
        return "; ".join([*self._room(len(log)), *parts, *self._progress(done if under_way else 0)])

    def _progress(self, done: int) -> list[str]:
        """Between two calls of which neither is under way nothing of it changes, but for the time."""
        now, call, before = time.monotonic(), self._next.call, self._written
        if before.exists and not (call or before.call) and now - before.at < AGE:
            return []
        self._next = self._next._replace(at=now)
        progress = {"call": call, "done": done, "since": datetime.now(timezone.utc).isoformat(" ", "seconds")}
        return [self.store.write(self.identity, "progress", progress)]

    def _room(self, parts: int) -> list[str]:
        if not self.exists:
            return [self.store.create(self.identity, max(parts, 1))]
        return [self.store.add_part(self.identity, part) for part in range(max(len(self._written.log), 1), parts)]

    def composed(self, query: Query) -> str:
        if query.params is None:
            return str(query.sql)
        return str(self.store.connection.ops.compose_sql(str(query.sql), query.params))


def _appended(
    log: tuple[tuple[Done, ...], ...], more: Sequence[Done]
) -> tuple[tuple[tuple[Done, ...], ...], list[int]]:
    """The log with more calls, and the numbers of its parts that have changed."""
    parts = [list(part) for part in log[-1:]] or [[]]
    first = max(len(log) - 1, 0)
    size = sum(map(_size, parts[0]))
    for done in more:
        if size > PART * (1 + (first + len(parts)) // SLOWLY):
            parts.append([])
            size = 0
        parts[-1].append(done)
        size += _size(done)
    changed = [first + number for number, _ in enumerate(parts)] if more else []
    return (*log[:first], *map(tuple, parts)), changed


def _size(done: Done) -> int:
    return len(done.key) + sum(map(len, done.queries)) + 10
