"""Sends the plans of a schema editor, and statements that are not planned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING

from django.db import DatabaseError

from ..django_types import Params
from ..log import logger
from ..record import Row
from ..settings import MigrationSettings
from .done_so_far import DoneSoFar
from .own_code import Operation, OwnCode
from .send import Sender
from .session.interrupt import terminable

if TYPE_CHECKING:
    from ..planning.kinds import Step
    from ..planning.steps import Plan
    from .attempt import Attempt
    from .carrying_out import CarryingOut
    from .journal.call_under_way import CallUnderWay
    from .one_migrate.turn import Turn

#: The savepoint before statements that are sent in one round trip.
TOGETHER = "zero_downtime_migrations_together"


class Passed(Row):
    """A statement that is not planned.

    :param sql: as Django has it.
    :param composed: the same with its parameters in it.
    """

    sql: str
    params: Params
    composed: str


class Runner:
    """A ``execution.reader.Reader`` that sends whole plans.

    :param in_use: whether the run did not begin on an empty database.
    :param finds_tables: a table of the same definition that is there already counts as made. Without it the server
        refuses, as Django's ``--fake-initial`` has it; the journal knows the tables that an interrupted run has made.
    :ivar so_far: what the calls of the migration have done.
    :ivar turn: keeps other runs of ``migrate`` out.
    """

    is_silent = False
    passes_on = True

    def __init__(self, sender: Sender, in_use: Callable[[], bool] = lambda: True, finds_tables: bool = False) -> None:
        self.sender = sender
        self.connection = sender.connection
        self.transaction = sender.transaction
        self.in_use = in_use
        self.finds_tables = finds_tables
        self.so_far = DoneSoFar(OwnCode(self.connection.alias))
        self._has_journal = False
        self.turn: Turn | None = None
        self._explained: BaseException | None = None
        self._told: BaseException | None = None

    # As a reader

    def use_settings(self, settings: MigrationSettings) -> None:
        self.sender.settings = settings

    def write_into(self, catch_up: Callable[[], None], turn: Turn, keeps: bool) -> None:
        self._has_journal, self.turn = True, turn
        self.so_far.keeps = keeps
        self.transaction.call_before_commit(catch_up)

    def run(self, plan: Plan, call: CallUnderWay | None = None) -> None:
        with terminable():
            self._carrying_out(call).all(plan.steps, [])

    def passing_on(self) -> AbstractContextManager[object]:
        return terminable()

    def pass_on(self, statements: Sequence[Passed]) -> None:
        self.sender.end_raw()
        self.transaction.open()
        together = len(statements) > 1 and self.transaction.is_open and self._sent_together(statements)
        for one in statements:
            if not together:
                self._send_passed(one.composed, one)
            self.so_far.passed(partial(self._as_step, one), self.transaction.current)

    def _sent_together(self, statements: Sequence[Passed]) -> bool:
        """Send statements in one round trip. Return False if one of them has failed: sent alone, it says so itself."""
        text = ";\n".join(one.composed for one in statements)
        together = Passed(text, None, f"SAVEPOINT {TOGETHER};\n{text};\nRELEASE SAVEPOINT {TOGETHER}")
        try:
            self.sender.send(together.composed, None)
        except DatabaseError as error:
            # Imported here: most migrations do not fail.
            from .server_errors import QUERY_CANCELED, sqlstate

            if sqlstate(error) in (None, QUERY_CANCELED) or self.connection.connection.closed:
                self._failed(error, together)
                raise
            self.sender.send(f"ROLLBACK TO SAVEPOINT {TOGETHER}", None)
            return False
        except KeyboardInterrupt as error:
            self._failed(error, together)
            raise
        return True

    def _send_passed(self, sql: str, one: Passed) -> None:
        try:
            self.sender.send(sql, None)
        except (DatabaseError, KeyboardInterrupt) as error:
            self._failed(error, one)
            raise

    def _failed(self, error: DatabaseError | KeyboardInterrupt, one: Passed) -> None:
        self._carrying_out(None).failed(error, self._as_step(one), ())

    def _as_step(self, one: Passed) -> Step:
        # Imported here: it is needed only when something fails.
        from ..ddl.read import read
        from ..planning.kinds import AsStock
        from ..planning.steps import as_written
        from ..server import names_of

        return as_written(read(one.sql, one.params, names_of(self.connection)), AsStock)

    def go_on(self, call: CallUnderWay) -> None:
        done, rest = list(call.steps[: call.done]), call.steps[call.done :]
        logger.warning("Going on after %d of %d steps.", len(done), len(call.steps))
        with terminable():
            self._carrying_out(call).all(rest, done, doubt=True)

    def between_operations(self, at_work: Callable[[], Operation | None]) -> None:
        self.so_far.code.begins(at_work(), self.transaction.current)
        self.sender.end_raw()

    def after_operations(self) -> None:
        self.so_far.code.begins(None, self.transaction.current)

    def was_there(self, table: str) -> bool:
        return table in self.so_far.found

    def say_what_stays(self, error: BaseException) -> None:
        if not self._has_journal and error is not self._told:
            self.so_far.say_what_stays(error, self.transaction.current)

    def has_explained(self, error: BaseException) -> bool:
        return error is self._explained

    def note_explained(self, error: BaseException) -> None:
        self._explained = error

    def note_told(self, error: BaseException) -> None:
        self._told = error

    def close(self) -> None:
        self.sender.close()

    def _carrying_out(self, call: CallUnderWay | None) -> CarryingOut:
        # Imported here: on a new database most migrations have nothing that is planned.
        from .carrying_out import CarryingOut

        return CarryingOut(self, call)

    def send(self, attempt: Attempt) -> None:
        """Run one step."""
        attempt.run()
