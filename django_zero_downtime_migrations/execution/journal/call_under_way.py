"""The call of the schema editor that is under way, as the journal follows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ...planning.kinds import ConcurrentBuild, Step
from ...planning.queries import Query
from ...record import Row
from .store import Done


class Written(Row):
    """The content of the catalogue after a write.

    :param log: the complete calls, as they are divided among the type's attributes.
    :param call: the key of the call whose steps the catalogue has.
    :param finished: the call under way is in the log.
    :param exists: the journal's type exists.
    :param at: the time at which the progress was written, in seconds of the process's clock.
    """

    log: tuple[tuple[Done, ...], ...] = ()
    call: str = ""
    finished: bool = False
    exists: bool = False
    at: float = 0.0


class Mark(Row):
    """A mark of the migration's progress.

    :param sql: the SQL that writes the mark, to be sent in the transaction of the work that it marks.
    :param written: the content of the catalogue when that transaction is committed.
    """

    sql: str
    written: Written


class Writer(Protocol):
    """The part of :class:`.journal.Journal` that a call needs."""

    under_way: CallUnderWay | None
    complete: list[str]

    @property
    def has_nothing(self) -> bool:
        """Whether the journal has nothing to keep yet."""

    def has_plan_of(self, call: CallUnderWay) -> bool:
        """Return whether the catalogue has the steps of a call."""

    def mark_of(self, call: CallUnderWay | None, done: int) -> Mark:
        """Return the mark for this many done steps of a call."""

    def write(self, mark: Mark) -> None:
        """Send a mark by itself."""

    def wrote(self, mark: Mark) -> None:
        """Note that a mark is in the catalogue."""

    def fall_behind(self) -> None:
        """Note that the catalogue lacks something that the transaction under way has done."""

    def taken_back(self, call: CallUnderWay, whole: bool) -> None:
        """Write what stays of a call."""

    def composed(self, query: Query) -> str:
        """Return a query with its parameters in it."""


class CallUnderWay:
    """The call under way. :meth:`.Journal.call` makes it, and it is valid inside the ``with`` block.

    For each step, in their order: :meth:`write_plan` before a step that cannot carry a mark, else :meth:`mark` to send
    with it; then :meth:`sent`. When a step has failed, :meth:`taken_back` before steps are taken back, and nothing
    after it.

    :ivar done: the number of its steps that are done.
    """

    def __init__(self, journal: Writer, key: str, steps: Sequence[Step], done: int = 0) -> None:
        self.journal = journal
        self.key = key
        self.steps = tuple(steps)
        self.done = done

    @property
    def is_under_way(self) -> bool:
        """True if the journal still has it as the call that continues."""
        return self.journal.under_way is self

    @property
    def follows_complete_calls(self) -> bool:
        """True if the journal has complete calls before it."""
        return bool(self.journal.complete)

    def write_plan(self) -> None:
        """Commit the steps, unless that is done, before a step whose transaction cannot carry its mark."""
        if not (self.journal.has_plan_of(self) or self._needs_no_journal):
            self.journal.write(self.journal.mark_of(self, self.done))

    @property
    def _needs_no_journal(self) -> bool:
        """True for the build of one index: the catalogue alone tells whether the index exists, and is valid."""
        return len(self.steps) == 1 and isinstance(self.steps[0], ConcurrentBuild) and self.journal.has_nothing

    def mark(self) -> Mark:
        """Return the mark for the transaction of the next step; it says that the step is done."""
        return self.journal.mark_of(self, self.done + 1)

    def write_mark(self) -> Mark:
        """Write at once that the next step is done, if the step could not carry its mark."""
        mark = self.mark()
        self.journal.write(mark)
        return mark

    def sent(self, mark: Mark | None = None) -> None:
        """Note that the next step is done.

        :param mark: the result of :meth:`mark`, if it was sent in the same transaction.
        """
        self.done += 1
        if mark:
            self.journal.wrote(mark)
        else:
            self.journal.fall_behind()

    def taken_back(self, stays: int, whole: bool) -> None:
        """Write that the steps after the first ones are about to be taken back.

        :param stays: the number of steps that stay.
        :param whole: everything else that the migration has done is taken back, too.
        """
        self.done = stays
        self.journal.taken_back(self, whole)

    @property
    def as_done(self) -> Done:
        """The entry of the log for the complete call."""
        seen = (step for step in self.steps if step.is_seen)
        return Done(self.key, tuple(self.journal.composed(query) for step in seen for query in step.queries))
