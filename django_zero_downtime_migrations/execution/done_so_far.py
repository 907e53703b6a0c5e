"""The work that the calls of a migration have done, in case a later call fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..log import logger
from .own_code import OwnCode

if TYPE_CHECKING:
    from typing import TypeAlias

    from ..planning.kinds import Step

    #: A step, and the transaction of the editor in which it was sent; None where it had its own.
    Sent: TypeAlias = tuple[Step, object | None]


class DoneSoFar:
    """The work that a migration has done so far.

    :ivar keeps: something is committed that cannot be taken back.
    :ivar found: tables that were to be made, and were there already.
    :ivar code: what else the migration runs.
    """

    def __init__(self, code: OwnCode) -> None:
        self.keeps = False
        self._made: list[str] = []
        self.found: set[str] = set()
        self.code = code
        self._sent: list[Sent] = []
        #: Statements that were not planned, each with a function that returns its step.
        self._passed: list[tuple[Callable[[], Step], object | None]] = []

    def passed(self, step: Callable[[], Step], transaction: object | None) -> None:
        """Note a statement that was not planned.

        :param step: called only when something fails.
        """
        self._passed.append((step, transaction))

    @property
    def made(self) -> list[str]:
        """The new tables that have been made."""
        self._look_at_passed()
        return self._made

    def _look_at_passed(self) -> None:
        passed, self._passed = self._passed, []
        for step, transaction in passed:
            self._sent.append((step(), transaction))
            self.call_ended([self._sent[-1][0]])

    def sent_alone(self, steps: Sequence[Sent]) -> None:
        """Note the steps of a call that ran outside the caller's transaction."""
        self._sent += steps

    def call_ended(self, done: Sequence[Step]) -> None:
        """Note all steps of a call, including the steps of an earlier run."""
        # Imported here, as below: on a new database most migrations have nothing that is planned.
        from ..ddl import statements as s
        from ..planning.kinds import AsStock

        self.keeps = self.keeps or any(not isinstance(step, AsStock) for step in done)
        made = (step.statement.table for step in done if isinstance(step.statement, s.CreateTable))
        self._made += [table for table in made if table not in self.found]

    def committed(self, current: object | None) -> list[Step]:
        """Return the steps that no rollback takes back any more.

        :param current: the transaction that is open.
        """
        self._look_at_passed()
        return [step for step, own in self._sent if own is None or own is not current]

    def say_what_stays(self, error: BaseException, current: object | None) -> None:
        """Add to the error what stays; called before the transaction is rolled back."""
        committed, code = self.committed(current), self.code.committed(current)
        unfinished = self.code.unfinished(current)
        if not (committed or code or unfinished):
            return
        from ..errors import explain
        from .failures.what_stays import way_on

        text = way_on(committed, code, unfinished)
        if hasattr(error, "add_note"):
            explain(error, text)
        if isinstance(error, (KeyboardInterrupt, SystemExit)) or not hasattr(error, "add_note"):
            # Python does not print the notes of these, and an exception raised by user code is not ours to change.
            logger.error("%s", text)
