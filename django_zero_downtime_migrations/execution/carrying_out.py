"""The loop over the steps of a call: each is sent under the timeouts of its class, and taken back when a later one
fails.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from django.db import DatabaseError

from ..ddl import statements as s
from ..ddl.scan import is_closed, stands_by_itself
from ..errors import BackfillStopped, CannotMigrate, explain
from ..log import logger
from ..naming import relation
from ..planning.kinds import AsStock, Short, Step, UsersOwn
from .attempt import Attempt
from .failures.reasons import explain_failure
from .failures.what_stays import met
from .lost_connection import why_lost
from .session.interrupt import Terminated
from .taking_back import Error, Failure, TakingBack

if TYPE_CHECKING:
    from .done_so_far import DoneSoFar, Sent
    from .journal.call_under_way import CallUnderWay, Mark
    from .one_migrate.turn import Turn
    from .send import Sender


class OfMigration(Protocol):
    """The plans of a migration, of which a call is one: :class:`.run.Runner`."""

    sender: Sender
    so_far: DoneSoFar
    in_use: Callable[[], bool]
    finds_tables: bool
    turn: Turn | None

    def send(self, attempt: Attempt) -> None:
        """Run one step."""

    def note_explained(self, error: Error) -> None:
        """Note the error of the step that has failed, which the log explains."""

    def note_told(self, error: Error) -> None:
        """Note the error that says how to go on."""


class CarryingOut:
    """The steps of one call on their way.

    :param runner: carries out the plans of the migration.
    :param call: where the call is written down; None for one that is not.
    """

    def __init__(self, runner: OfMigration, call: CallUnderWay | None) -> None:
        self._runner = runner
        self._call = call
        self._sender = runner.sender
        self._connection = runner.sender.connection
        self._transaction = runner.sender.transaction
        self._so_far = runner.so_far

    def all(self, steps: Sequence[Step], done: list[Step], doubt: bool = False) -> None:
        """Carry out steps, one after another.

        :param done: steps of the same call that an earlier run has sent.
        :param doubt: it may have sent the next ones as well, up to the first that marks itself done.
        """
        self._prepare(steps)
        sent: list[Sent] = []
        for step in steps:
            if doubt:
                doubt = step.stands_alone
                left = self._rest_of(step)
                if left is None:
                    self._advance()
                    done.append(step)
                    continue
                step = left
            done.append(self._carry_out(step, done))
            sent.append((done[-1], self._transaction.current))
        if not self._transaction.of_caller:
            self._so_far.sent_alone(sent)
        self._so_far.call_ended(done)

    def _prepare(self, steps: Sequence[Step]) -> None:
        """Refuse what would fail, or fail to be seen, between two of the steps."""
        self._sender.session = None
        if self._runner.in_use() and any(step.needs_session for step in steps):
            self._refuse_transaction_pooler(steps)
        if any(step.locks for step in steps) and not self._transaction.of_caller:
            self._sender.open_replicas()
        if len(steps) > 1:
            from .failures.rights import refuse_without_rights

            refuse_without_rights(self._connection, steps)

    def _refuse_transaction_pooler(self, steps: Sequence[Step]) -> None:
        """Refuse a pooler of transactions before anything of the call is sent."""
        from .session.pooler import ALONE, is_behind_pooler, refuse_transaction_pooler

        if not is_behind_pooler(self._connection, self._sender.known()):
            return
        # Seen from inside a transaction, every pooler gives a connection of one's own.
        self._transaction.close()
        try:
            refuse_transaction_pooler(self._connection, self._sender.known(), ALONE, "; ".join(x.sql for x in steps))
        except CannotMigrate as error:
            self._take_back(Failure(error, None, []))
            raise

    def _rest_of(self, step: Step) -> Step | None:
        from .already_there.unfinished_step import rest_of_step

        return rest_of_step(self._connection, step, self._remove)

    def _carry_out(self, step: Step, done: Sequence[Step]) -> Step:
        """The step as it has been run. When it fails, what is :param done: is taken back."""
        is_all = self._is_all(step)
        attempt = Attempt(self._sender, step, self._call, is_all, is_all and self._is_transaction(step))
        if self._runner.turn is not None:
            self._runner.turn.renew()
        try:
            carried_out = self._run_or_find(attempt)
        except (DatabaseError, BackfillStopped, KeyboardInterrupt) as error:
            if attempt.sent and isinstance(error, KeyboardInterrupt):
                # It came when the step had just succeeded.
                self._explain(error, step)
                self._advance(attempt.mark)
                self._end(Failure(error, None, [*done, step]))
            else:
                self.failed(error, step, done)
            raise
        self._advance(attempt.mark)
        return carried_out

    def _is_all(self, step: Step) -> bool:
        """Whether it is the user's own SQL, all of it that its operation sends: its mark can follow it."""
        is_own = isinstance(step, UsersOwn) and self._runner.in_use()
        return is_own and is_closed(step.sql) and self._so_far.code.is_all(step.sql)

    def _is_transaction(self, step: Step) -> bool:
        """Whether the user's own SQL is a transaction by itself, which costs one round trip and not four."""
        # Without a transaction the server's default would count.
        isolated = "isolation_level" in self._connection.settings_dict["OPTIONS"]
        return self._transaction.may_open and not isolated and stands_by_itself(step.sql)

    def _remove(self, step: Step) -> None:
        """Run a step that is none of the call's own."""
        self._runner.send(Attempt(self._sender, step))

    # What is there already

    def _looks(self, step: Step) -> bool:
        """Whether what a step would make may be there already."""
        if isinstance(step.statement, s.CreateTable) and not self._runner.finds_tables:
            return False
        return bool(self._sender.settings.idempotent_sql) and self._runner.in_use()

    def _run_or_find(self, attempt: Attempt) -> Step:
        """Run a step, or find that it is done already. What was there before is not taken back later."""
        looks = self._looks(attempt.step) and not self._transaction.of_caller
        if looks:
            attempt.step = self._as_it_can_be_settled(attempt.step)
        step = attempt.step
        try:
            self._runner.send(attempt)
        except DatabaseError as error:
            if not looks or self._transaction.is_open or not self._settle(attempt, error):
                raise
            if isinstance(step.statement, s.CreateTable):
                self._so_far.found.add(step.statement.table)
            # As it was there before, it stays.
            return step.sent_as(AsStock).named(undo=())
        return step

    def _as_it_can_be_settled(self, step: Step) -> Step:
        """Return the step as one of its own: in the transaction open for new tables a refusal would end everything."""
        if isinstance(step.statement, s.CreateTable) and self._exists(step):
            self._transaction.close()
            return step.sent_as(Short)
        if isinstance(step, AsStock) and step.statement.table in self._so_far.found:
            return step.sent_as(Short)
        return step

    def _exists(self, step: Step) -> bool:
        with self._connection.cursor() as cursor:
            cursor.execute(f"SELECT {relation('%s')} IS NOT NULL", [step.statement.table])
            return bool(cursor.fetchone()[0])

    def _settle(self, attempt: Attempt, error: DatabaseError) -> bool:
        from .already_there.compare import settle

        attempt.mark = None
        return settle(self._connection, attempt.step, error, self._sender.composed, self._remove)

    # When a step fails

    def failed(self, error: Error, step: Step, done: Sequence[Step]) -> None:
        """Say why, and take back what can be. :param done: the steps before it."""
        self._explain(error, step)
        self._end(Failure(error, step, done, self._looks(step)))

    def _explain(self, error: Error, step: Step) -> None:
        if isinstance(error, KeyboardInterrupt):
            logger.warning("%s: %s", "Terminated" if isinstance(error, Terminated) else "Interrupted", step.sql)
        elif not isinstance(error, BackfillStopped):
            explain_failure(self._sender, step, error)
        self._runner.note_explained(error)

    def _end(self, failure: Failure) -> None:
        if not self._sender.is_inside:
            self._take_back(failure)
        elif failure.step and (text := met(failure.step, failure.error)):
            self._tell(failure.error, text)

    def _take_back(self, failure: Failure) -> None:
        taking_back = TakingBack(failure, self._transaction, self._so_far, self._call, self._remove)
        lost = why_lost(self._sender, self._runner.turn, isinstance(failure.error, KeyboardInterrupt))
        if text := taking_back.run(lost):
            self._tell(failure.error, text)

    def _tell(self, error: Error, text: str) -> None:
        self._runner.note_told(error)
        explain(error, text)
        if isinstance(error, KeyboardInterrupt):
            logger.warning("%s", text)

    def _advance(self, mark: Mark | None = None) -> None:
        if self._call is not None:
            self._call.sent(mark)
