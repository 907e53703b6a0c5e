"""The journal of a migration, written while the migration runs, so that a stop at any point costs a second ``migrate``.

The journal lists the complete calls of the schema editor and what they have sent, and the steps of the call under way,
as they were planned before the first of them, with the number that are done. A step in a transaction marks itself done
in it. A step that stands alone is in doubt when the mark of the next step is missing, and then the catalogue decides:
``execution.already_there.index_builds``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone

from django.db import DatabaseError

from ...planning.kinds import Step
from ...planning.queries import Query
from ..server_errors import DUPLICATE_OBJECT, DUPLICATE_TABLE, sqlstate
from .call_under_way import CallUnderWay, Mark, Written
from .store import Done, Entry, Identity, Store, encoded
from .stored_steps import read_steps, stored_step
from .whole_operations import joined

#: The seconds for which the time of the last write may stay as it is if nothing else of the progress changes.
AGE = 10
#: The bytes of a part of the log, beyond which the next part begins. It bounds what is written for a call, so that a
#: migration's journal grows in proportion to the migration. A type has at most 1,600 attributes, hence SLOWLY.
#: A smaller part means more ALTER TYPE, a larger part more to write: ``benchmarks/many.py`` is fastest here.
PART = 1000
SLOWLY = 300


class Journal:
    """The journal of the migration that is under way.

    :param identify: returns the migration's identity; called when there is something to write.
    :param entry: the journal that an earlier run has left.
    :ivar complete: the keys of the calls that are complete.
    :ivar left: the journal that an earlier run has left, while its last call is still to be finished.
    :ivar under_way: the call under way.
    :ivar is_behind: the catalogue lacks something that the transaction under way has done.
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
        self.left = entry if entry and entry.call else None
        self.under_way: CallUnderWay | None = None
        self.is_behind = False
        self._written = Written(entry.log, exists=True) if entry else Written()
        #: Complete calls that are not in the catalogue yet.
        self._pending: list[Done] = []
        #: The keys of the calls of ended operations, by number; the log may still list these calls one by one.
        self._ended: dict[int, tuple[str, ...]] = {}

    @property
    def identity(self) -> Identity:
        if self._identity is None:
            self._identity = self._identify()
        return self._identity

    @property
    def exists(self) -> bool:
        return self._written.exists

    def fall_behind(self) -> None:
        self.is_behind = True

    # A call

    @contextmanager
    def call(self, key: str, steps: Sequence[Step]) -> Iterator[CallUnderWay]:
        """Follow a call of the editor from before its first step to after its last one.

        The call is complete when the block ends. When a step raises an error, the call stays as it is then.
        """
        self.under_way = call = CallUnderWay(self, key, steps)
        yield call
        self._complete(call)

    @contextmanager
    def interrupted_call(self) -> Iterator[CallUnderWay]:
        """Follow the call that an earlier run has left, as :meth:`call` does, from the first step that is not done."""
        assert self.left is not None
        entry, self.left = self.left, None
        steps = read_steps(entry.steps, entry.identity)
        self.under_way = call = CallUnderWay(self, entry.call, steps, entry.done)
        self._written = self._written._replace(call=entry.call)
        yield call
        self._complete(call)

    def _complete(self, call: CallUnderWay) -> None:
        self.complete.append(call.key)
        if not self._written.finished:
            self._pending.append(call.as_done)
        self._written = self._written._replace(finished=False)
        self.under_way = None

    def mark(self, key: str) -> None:
        """Note that a call without steps is complete, in the open transaction or by itself."""
        self.mark_with_transaction(key)
        self.write(self.mark_of(self.under_way, 0))

    def mark_with_transaction(self, key: str, queries: Sequence[str] = ()) -> None:
        """Note a call without steps, complete when the open transaction is committed; :meth:`catch_up` writes it.

        :param queries: the queries that it has sent, if the catalogue shows their effect.
        """
        self.complete.append(key)
        self._pending.append(Done(key, tuple(queries)))
        self.is_behind = True

    def catch_up(self) -> None:
        """Write what the transaction that is about to be committed has done."""
        if self.is_behind:
            call = self.under_way
            self.write(self.mark_of(call, call.done if call else 0))

    def operation_ended(self, number: int, keys: Sequence[str]) -> None:
        """Note that an operation makes no more calls.

        :param number: its place in the migration.
        :param keys: the keys of all its calls.
        """
        self._ended[number] = tuple(keys)

    # For the call under way

    def has_plan_of(self, call: CallUnderWay) -> bool:
        """Return whether the catalogue has the steps of a call."""
        return self._written.call == call.key

    @property
    def has_nothing(self) -> bool:
        return not (self.exists or self._pending)

    def write(self, mark: Mark) -> None:
        """Send a mark by itself, in the open transaction, if any.

        :raises CannotMigrate: when another session has taken the name of the journal meanwhile.
        """
        if not mark.sql:
            return
        try:
            self.store.run(mark.sql)
        except DatabaseError as error:
            if sqlstate(error) in (DUPLICATE_OBJECT, DUPLICATE_TABLE):
                raise self.store.taken(self.identity, error) from error
            raise
        self.wrote(mark)

    def wrote(self, mark: Mark) -> None:
        """Note that a mark is in the catalogue, or will be with its transaction."""
        self._written = mark.written
        self._pending.clear()
        self._ended.clear()
        self.is_behind = False

    def taken_back(self, call: CallUnderWay, whole: bool) -> None:
        """Write what stays of a call, for :meth:`.CallUnderWay.taken_back`."""
        left = call if call.done else None
        if left is None:
            self.under_way = None
        if whole:
            self.complete.clear()
            self._pending.clear()
        if left or self.complete:
            self.write(self.mark_of(left, call.done))
        elif self.exists:
            self._remove()

    def _remove(self) -> None:
        parts, self._written = len(self._written.log), Written()
        if self.store.remove([self.identity]):
            # Another object uses its type: the type stays, and says that nothing has been done.
            self._written = Written(exists=True)
            mark = self.mark_of(None, 0)
            self.write(mark._replace(sql=f"{self.store.empty(self.identity, parts)}; {mark.sql}"))

    # How it is composed

    def mark_of(self, call: CallUnderWay | None, done: int) -> Mark:
        """Return the mark for this many done steps of a call, with everything before them that the catalogue lacks."""
        before = self._written
        finished = call is not None and done == len(call.steps)
        ended = [*self._pending, *([call.as_done] if call and finished else [])]
        log, changed = self._appended(before.log, ended)
        key = call.key if call and not finished else ""
        parts = [self.store.write_log(self.identity, number, log[number]) for number in changed]
        if call and key and not self.has_plan_of(call):
            steps = [stored_step(step, self.composed) for step in call.steps]
            parts.append(self.store.write(self.identity, "steps", steps))
        written = Written(log, key, finished, exists=True, at=before.at)
        now = time.monotonic()
        if not before.exists or key or before.call or now - before.at >= AGE:
            # With no call under way before and after, only the time would change.
            parts.append(self._progress(key, done if key else 0))
            written = written._replace(at=now)
        return Mark("; ".join([*self._room(len(log)), *parts]), written)

    def _progress(self, key: str, done: int) -> str:
        progress = {"call": key, "done": done, "since": datetime.now(timezone.utc).isoformat(" ", "seconds")}
        return self.store.write(self.identity, "progress", progress)

    def _room(self, parts: int) -> list[str]:
        if not self.exists:
            return [self.store.create(self.identity, max(parts, 1))]
        return [self.store.add_part(self.identity, part) for part in range(max(len(self._written.log), 1), parts)]

    def _appended(
        self, log: tuple[tuple[Done, ...], ...], more: Sequence[Done]
    ) -> tuple[tuple[tuple[Done, ...], ...], list[int]]:
        """Return the log with more calls, and the numbers of its parts that have changed."""
        first = max(len(log) - 1, 0)
        parts: list[list[Done]] = [[]]
        size = 0
        for done in joined([*(log[-1] if log else ()), *more], self._ended):
            if size > PART * (1 + (first + len(parts)) // SLOWLY):
                parts.append([])
                size = 0
            parts[-1].append(done)
            size += _size(done)
        changed = [first + number for number, _ in enumerate(parts)] if more else []
        return (*log[:first], *map(tuple, parts)), changed

    def composed(self, query: Query) -> str:
        if query.params is None:
            return str(query.sql)
        return str(self.store.connection.ops.compose_sql(str(query.sql), query.params))


def _size(done: Done) -> int:
    return len(encoded(done))
