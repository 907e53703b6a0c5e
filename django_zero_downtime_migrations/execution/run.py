"""The loop over the steps of a plan: each is sent under the timeouts of its class, and taken back when a later one
fails.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from django.db import DatabaseError

from ..ddl import statements as s
from ..django_types import Sql
from ..errors import BackfillStopped, CannotMigrate, explain
from ..log import logger
from ..naming import relation
from ..planning.steps import AsStock, Plan, Short, Step, UsersOwn, as_written
from ..server import names_of
from ..settings import MigrationSettings
from .done_so_far import DoneSoFar, Sent
from .interrupt import Terminated, terminable
from .lost_connection import why_lost
from .own_code import Operation, OwnCode
from .reasons import explain_failure
from .send import Attempt, Sender
from .taking_back import Error, Failure, TakingBack
from .what_stays import met

if TYPE_CHECKING:
    from .journal.call_under_way import CallUnderWay, Mark
    from .turn import Turn


class Runner:
    """A ``execution.reader.Reader`` that sends whole plans.

    :param in_use: whether the run did not begin on an empty database.
    :param finds_tables: a table of the same definition that is there already counts as made. Without it the server
        refuses, as Django's ``--fake-initial`` has it; the journal knows the tables that an interrupted run has made.
    """

    is_silent = False
    passes_on = True

    def __init__(self, sender: Sender, in_use: Callable[[], bool] = lambda: True, finds_tables: bool = False) -> None:
        self.sender = sender
        self.connection = sender.connection
        self.transaction = sender.transaction
        self._in_use = in_use
        self._finds_tables = finds_tables
        self._so_far = DoneSoFar(OwnCode(self.connection.alias))
        self._has_journal = False
        #: Keeps other runs of ``migrate`` out.
        self._turn: Turn | None = None
        #: The error of the step that has failed, and the one that says how to go on.
        self._explained: BaseException | None = None
        self._told: BaseException | None = None

    # As a reader

    def use_settings(self, settings: MigrationSettings) -> None:
        self.sender.settings = settings

    def write_into(self, catch_up: Callable[[], None], turn: Turn, keeps: bool) -> None:
        self._has_journal, self._turn = True, turn
        self._so_far.keeps = keeps
        self.transaction.call_before_commit(catch_up)

    def run(self, plan: Plan, call: CallUnderWay | None = None) -> None:
        with terminable():
            self._steps(plan.steps, [], call)

    def passing_on(self) -> AbstractContextManager[object]:
        return terminable()

    def pass_on(self, sql: Sql, params: s.Params) -> None:
        self.sender.end_raw()
        self.transaction.open()
        try:
            self.sender.send(str(sql), params)
        except (DatabaseError, KeyboardInterrupt) as error:
            step = self._as_step(sql, params)
            self._explain(error, step)
            self._failed(Failure(error, step, ()), None)
            raise
        self._so_far.passed(lambda: self._as_step(sql, params), self.transaction.current)

    def _as_step(self, sql: Sql, params: s.Params) -> Step:
        # Imported here: it is needed only when something fails.
        from ..ddl.read import read

        return as_written(read(sql, params, names_of(self.connection)), AsStock)

    def go_on(self, call: CallUnderWay) -> None:
        done, rest = list(call.steps[: call.done]), call.steps[call.done :]
        logger.warning("Going on after %d of %d steps.", len(done), len(call.steps))
        with terminable():
            self._steps(rest, done, call, doubt=True)

    def between_operations(self, at_work: Callable[[], Operation | None]) -> None:
        self._so_far.code.begins(at_work(), self.transaction.current)
        self.sender.end_raw()

    def after_operations(self) -> None:
        self._so_far.code.begins(None, self.transaction.current)

    def was_there(self, table: str) -> bool:
        return table in self._so_far.found

    def say_what_stays(self, error: BaseException) -> None:
        if not self._has_journal and error is not self._told:
            self._so_far.say_what_stays(error, self.transaction.current)

    def has_explained(self, error: BaseException) -> bool:
        return error is self._explained

    def close(self) -> None:
        self.sender.close()

    # The steps of a call

    def _steps(self, steps: Sequence[Step], done: list[Step], call: CallUnderWay | None, doubt: bool = False) -> None:
        """Carry out steps of a call.

        :param done: steps of the same call that an earlier run has sent.
        :param doubt: that run may have sent the next ones as well, up to the first that marks itself done.
        """
        self._prepare(steps, call)
        sent: list[Sent] = []
        for step in steps:
            if doubt:
                doubt = step.stands_alone
                left = self._rest_of(step)
                if left is None:
                    _advance(call)
                    done.append(step)
                    continue
                step = left
            done.append(self._carry_out(step, done, call))
            sent.append((done[-1], self.transaction.current))
        if not self.transaction.of_caller:
            self._so_far.sent_alone(sent)
        self._so_far.call_ended(done)

    def _prepare(self, steps: Sequence[Step], call: CallUnderWay | None) -> None:
        """Refuse a call whose steps would fail, or whose failure would be noticed, between two of them."""
        self.sender.session = None
        if self._in_use() and any(step.needs_session for step in steps):
            self._refuse_transaction_pooler(steps, call)
        if any(step.locks for step in steps) and not self.transaction.of_caller:
            self.sender.open_replicas()
        if len(steps) > 1:
            from .rights import refuse_without_rights

            refuse_without_rights(self.connection, steps)

    def _refuse_transaction_pooler(self, steps: Sequence[Step], call: CallUnderWay | None) -> None:
        """Refuse the call before anything of it is sent."""
        from .pooler import ALONE, is_behind_pooler, refuse_transaction_pooler

        if not is_behind_pooler(self.connection, self.sender.known()):
            return
        # Inside a transaction, every pooler gives a connection of one's own.
        self.transaction.close()
        try:
            refuse_transaction_pooler(self.connection, self.sender.known(), ALONE, "; ".join(x.sql for x in steps))
        except CannotMigrate as error:
            self._take_back(Failure(error, None, []), call)
            raise

    def _rest_of(self, step: Step) -> Step | None:
        from .unfinished_step import rest_of_step

        return rest_of_step(self.connection, step, self._remove)

    def _carry_out(self, step: Step, done: Sequence[Step], call: CallUnderWay | None) -> Step:
        """Return the step as it has been run. When it fails, the steps that are done are taken back."""
        attempt = Attempt(self.sender, step, call, self._is_transaction(step))
        if self._turn is not None:
            self._turn.renew()
        try:
            carried_out = self._run_or_find(attempt)
        except (DatabaseError, BackfillStopped, KeyboardInterrupt) as error:
            self._explain(error, step)
            if attempt.sent and isinstance(error, KeyboardInterrupt):
                # The signal came when the step had just succeeded.
                _advance(call, attempt.mark)
                self._failed(Failure(error, None, [*done, step]), call)
            else:
                self._failed(Failure(error, step, done, self._looks(step)), call)
            raise
        _advance(call, attempt.mark)
        return carried_out

    def _is_transaction(self, step: Step) -> bool:
        """Whether the user's own SQL is a transaction by itself, which costs one round trip and not four."""
        if not (isinstance(step, UsersOwn) and self.transaction.may_open and self._in_use()):
            return False
        # Without a transaction the server's default isolation level would count.
        isolated = "isolation_level" in self.connection.settings_dict["OPTIONS"]
        return not isolated and self._so_far.code.is_all(step.sql)

    def _run(self, attempt: Attempt) -> None:
        attempt.run()

    def _remove(self, step: Step) -> None:
        """Run a step that does not belong to the call."""
        self._run(Attempt(self.sender, step))

    # What is there already

    def _looks(self, step: Step) -> bool:
        """Whether what a step would make may be there already."""
        if isinstance(step.statement, s.CreateTable) and not self._finds_tables:
            return False
        return bool(self.sender.settings.idempotent_sql) and self._in_use()

    def _run_or_find(self, attempt: Attempt) -> Step:
        """Run a step, or find that it is done already. An object that was there before is not taken back later."""
        looks = self._looks(attempt.step) and not self.transaction.of_caller
        if looks:
            attempt.step = self._as_it_can_be_settled(attempt.step)
        step = attempt.step
        try:
            self._run(attempt)
        except DatabaseError as error:
            if not looks or self.transaction.is_open or not self._settle(attempt, error):
                raise
            if isinstance(step.statement, s.CreateTable):
                self._so_far.found.add(step.statement.table)
            # Since it was there before, it stays.
            return step.sent_as(AsStock).named(undo=())
        return step

    def _as_it_can_be_settled(self, step: Step) -> Step:
        """Return the step so that it can go on after the server's refusal: outside the transaction that is open for new
        tables.
        """
        if isinstance(step.statement, s.CreateTable) and self._exists(step):
            self.transaction.close()
            return step.sent_as(Short)
        if isinstance(step, AsStock) and step.statement.table in self._so_far.found:
            return step.sent_as(Short)
        return step

    def _exists(self, step: Step) -> bool:
        with self.connection.cursor() as cursor:
            cursor.execute(f"SELECT {relation('%s')} IS NOT NULL", [step.statement.table])
            return bool(cursor.fetchone()[0])

    def _settle(self, attempt: Attempt, error: DatabaseError) -> bool:
        from .already_there import settle

        attempt.mark = None
        return settle(self.connection, attempt.step, error, self.sender.composed, self._remove)

    # When a step fails

    def _explain(self, error: Error, step: Step) -> None:
        if isinstance(error, KeyboardInterrupt):
            logger.warning("%s: %s", "Terminated" if isinstance(error, Terminated) else "Interrupted", step.sql)
        elif not isinstance(error, BackfillStopped):
            explain_failure(self.sender, step, error)
        self._explained = error

    def _failed(self, failure: Failure, call: CallUnderWay | None) -> None:
        if not self.sender.is_inside:
            self._take_back(failure, call)
        elif failure.step and (text := met(failure.step, failure.error)):
            self._tell(failure.error, text)

    def _take_back(self, failure: Failure, call: CallUnderWay | None) -> None:
        taking_back = TakingBack(failure, self.transaction, self._so_far, call, self._remove)
        lost = why_lost(self.sender, self._turn, isinstance(failure.error, KeyboardInterrupt))
        if text := taking_back.run(lost):
            self._tell(failure.error, text)

    def _tell(self, error: Error, text: str) -> None:
        self._told = error
        explain(error, text)
        if isinstance(error, KeyboardInterrupt):
            logger.warning("%s", text)


def _advance(call: CallUnderWay | None, mark: Mark | None = None) -> None:
    if call is not None:
        call.sent(mark)
