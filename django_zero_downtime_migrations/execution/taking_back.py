"""The cleanup after a failed step: what has been made so far is removed, and the error says how to go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from django.db import DatabaseError, InterfaceError, OperationalError

from ..django_types import Connection
from ..errors import BackfillStopped, LockNotAcquired
from ..log import logger
from ..naming import relation
from ..planning.kinds import ConcurrentBuild, Step
from ..record import Row
from .done_so_far import DoneSoFar
from .failures.what_stays import AGAIN, GOES_ON, met, way_on
from .transactions import OwnTransaction
from .undo import Undo, joined, undo

if TYPE_CHECKING:
    from .journal.call_under_way import CallUnderWay

LEFT = "%s. Run this before you migrate again: %s"
Error = DatabaseError | BackfillStopped | KeyboardInterrupt


def is_disturbance(error: BaseException) -> bool:
    """Return whether a step has failed for a reason that has nothing to do with the step or with the rows: another
    session held a lock for too long, the server or the connection went away, the user interrupted it, its time is over.
    The unchanged step may succeed the next time.
    """
    return isinstance(error, (LockNotAcquired, BackfillStopped, OperationalError, InterfaceError, KeyboardInterrupt))


class Failure(Row):
    """The failure of a call.

    :param step: the step that has failed; None if it was interrupted after it had succeeded.
    :param done: the steps of the call before it.
    :param looks: what the step would make may be there already.
    """

    error: Error
    step: Step | None
    done: Sequence[Step]
    looks: bool = False


class TakingBack:
    """The removal of what a call has made. With a journal only what the data has refused is removed: after a
    disturbance the next run goes on.

    :param transaction: the editor's transaction, which is not open.
    :param so_far: what earlier calls have done.
    :param call: the journal's entry for it.
    :param remove: sends a step that does not belong to the call.
    """

    def __init__(
        self,
        failure: Failure,
        transaction: OwnTransaction,
        so_far: DoneSoFar,
        call: CallUnderWay | None,
        remove: Callable[[Step], None],
    ) -> None:
        self.failure = failure
        self.transaction = transaction
        self.so_far = so_far
        self.call = call
        self.remove = remove

    def run(self, lost: str | None) -> str:
        """Remove what has been made, and return what is to be said of it, if anything.

        :param lost: why nothing can be sent.
        """
        undo = self._wanted()
        if lost:
            return LEFT % (lost, undo.sql) if undo.steps else ""
        left = undo.steps
        try:
            undo = self._ours(undo)
            left = list(undo.steps)
            self._write_down(undo)
            while left:
                self.remove(left[0])
                del left[0]
        except (DatabaseError, KeyboardInterrupt) as another:
            why = "Interrupted again" if isinstance(another, KeyboardInterrupt) else str(another).strip()
            return LEFT % (f"It could not be taken back ({why})", joined(left))
        taken_back = f"Taken back: {undo.sql}. " if undo.steps else ""
        return taken_back + self._way_on(undo)

    def _wanted(self) -> Undo:
        failed = self.failure.step
        if self.call and is_disturbance(self.failure.error):
            return Undo(list(failed.leftover) if failed else [], self.call.done, False)
        # The effects of code are not taken back: the journal still says that it has run.
        code = self.so_far.code.committed(self.transaction.current)
        keeps = self.so_far.keeps or bool(self.call and code)
        return undo(failed, self.failure.done, keeps, self.so_far.made, self.transaction.wanted)

    def _ours(self, undo: Undo) -> Undo:
        """Leave out the removal of a failed build that has left nothing: a valid index of its name is another one."""
        failed = self.failure.step
        if not isinstance(failed, ConcurrentBuild) or _is_invalid(self.transaction.connection, failed.index):
            return undo
        return undo._replace(steps=[step for step in undo.steps if step not in failed.leftover])

    def _write_down(self, undo: Undo) -> None:
        """Write down what will be taken back, before the first step of it: a call that is half taken back is planned
        again. So is a call that has not got beyond its first step.
        """
        error = self.failure.error
        if undo.steps and isinstance(error, KeyboardInterrupt):
            logger.warning("Taking back, until Ctrl-C is pressed again: %s", undo.sql)
        if self.call is None:
            return
        if undo.stays < self.call.done or not (undo.stays or is_disturbance(error)):
            self.call.taken_back(undo.stays, undo.whole)

    def _way_on(self, undo: Undo) -> str:
        failed, current = self.failure.step, self.transaction.current
        code = self.so_far.code.committed(current)
        before = [*self.so_far.committed(current), *self.failure.done[: undo.stays]]
        is_as_before = failed and not self.failure.looks and not _removes_remains(undo, failed)
        if failed and is_as_before and (text := met(failed, self.failure.error)):
            return f"{text} {way_on(before, code)}" if before or code else text
        if undo.whole and not code:
            return AGAIN
        if self.call and self.call.is_under_way:
            return GOES_ON if self.call.follows_complete_calls or undo.stays else AGAIN
        return way_on(before, code)


def _removes_remains(undo: Undo, failed: Step) -> bool:
    return bool(failed.leftover) and all(step in undo.steps for step in failed.leftover)


def _is_invalid(connection: Connection, index: str) -> bool:
    with connection.cursor() as cursor:
        where = f"indexrelid = {relation('%s')} AND NOT indisvalid"
        cursor.execute(f"SELECT FROM pg_catalog.pg_index WHERE {where}", [index])
        return cursor.fetchone() is not None
