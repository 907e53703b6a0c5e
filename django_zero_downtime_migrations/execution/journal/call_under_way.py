"""The call of the schema editor that is under way, as the journal follows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...planning.steps import ConcurrentBuild, Step
from ...record import Row
from .store import Done

if TYPE_CHECKING:
    from .journal import Journal


class Written(Row):
    """What the catalogue has after a write.

    :param call: the key of the call whose steps it has.
    :param finished: the call under way is in the log.
    :param at: when the progress was written, in seconds of the process's clock.
    """

    log: tuple[tuple[Done, ...], ...] = ()
    call: str = ""
    finished: bool = False
    exists: bool = False
    at: float = 0.0


class Mark(Row):
    """How far the migration is.

    :param sql: what says so, to be sent in the transaction of what it is about.
    :param written: what the catalogue has when that is committed.
    """

    sql: str
    written: Written


class CallUnderWay:
    """Made by :meth:`.Journal.call`, and valid inside of its ``with`` block.

    For each step, in their order: :meth:`write_plan` before one that can carry no mark, else :meth:`mark` to send with
    it; then :meth:`sent`. When one has failed, :meth:`taken_back` before what is taken back, and nothing after it.

    :ivar done: how many of its steps are.
    """

    def __init__(self, journal: Journal, key: str, steps: Sequence[Step], done: int = 0) -> None:
        self.journal = journal
        self.key = key
        self.steps = tuple(steps)
        self.done = done

    @property
    def is_under_way(self) -> bool:
        """Whether the journal still has it as the call that goes on."""
        return self.journal.under_way is self

    def write_plan(self) -> None:
        """Commit the steps, unless they are already, before one whose transaction can say nothing of it."""
        if not (self.journal.has_plan_of(self) or self._needs_no_journal):
            self.journal.write(self.journal.mark_of(self, self.done))

    @property
    def _needs_no_journal(self) -> bool:
        """The catalogue alone tells of an index whether it is there, valid, or begun."""
        return len(self.steps) == 1 and isinstance(self.steps[0], ConcurrentBuild) and self.journal.has_nothing

    def mark(self) -> Mark:
        """What goes into the transaction of the next step: it is done then."""
        return self.journal.mark_of(self, self.done + 1)

    def write_mark(self) -> Mark:
        """Say at once that the next step is done, which could not have its mark with it."""
        mark = self.mark()
        self.journal.write(mark)
        return mark

    def sent(self, mark: Mark | None = None) -> None:
        """Note that the next step is done.

        :param mark: that of :meth:`mark`, where it was sent in the same transaction.
        """
        self.done += 1
        if mark:
            self.journal.wrote(mark)
        else:
            self.journal.is_behind = True

    def taken_back(self, stays: int, whole: bool) -> None:
        """Say that the steps after the first ones are about to be taken back.

        :param stays: how many of them stay.
        :param whole: everything else that the migration has done is taken back, too.
        """
        self.done = stays
        self.journal.taken_back(self, whole)

    @property
    def as_done(self) -> Done:
        """As the log has it when it is complete."""
        seen = (step for step in self.steps if step.is_seen)
        return Done(self.key, tuple(self.journal.composed(query) for step in seen for query in step.queries))
