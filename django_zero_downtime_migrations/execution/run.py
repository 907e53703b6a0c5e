"""The loop over the steps of a plan: each is sent under the timeouts of its class, and taken back when a later one
fails.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError

from ..ddl import statements as s
from ..errors import CannotMigrate, explain, make_printable
from ..log import logger
from ..naming import relation
from ..planning.steps import Plan, Step, StepClass
from .interrupt import Terminated, terminable
from .own_code import OwnCode
from .reasons import reason
from .send import Sender
from .server_errors import LOCK_NOT_AVAILABLE, QUERY_CANCELED, sqlstate
from .what_stays import AGAIN, GOES_ON, met, way_on

if TYPE_CHECKING:
    from .journal.journal import Journal
    from .one_at_a_time import Turn
    from .undo import Undo

#: Tenths of a second: a server process that has ended its client's connection ends itself.
SESSION_ENDS_WITHIN = 20
LEFT = "%s. Run this before you migrate again: %s"


class Runner(Sender):
    """A sender of whole plans.

    :param in_use: whether the run did not begin on an empty database.
    :param finds_tables: a table of the same definition that is there already is as good as made. Without it the server
        refuses, as Django's ``--fake-initial`` has it; what an interrupted run has made of tables, the journal knows.
    """

    def __init__(
        self,
        *arguments: Any,
        in_use: Callable[[], bool] = lambda: True,
        finds_tables: bool = False,
        **more: Any,
    ) -> None:
        super().__init__(*arguments, **more)
        self._in_use = in_use
        self._finds_tables = finds_tables
        #: Keeps other runs of ``migrate`` out.
        self.turn: Turn | None = None
        #: Something is committed that cannot be taken back; and the new tables that are.
        self.keeps = False
        self.made: list[str] = []
        #: What else the migration runs.
        self.code = OwnCode(self.connection.alias)
        #: The error of the step that has failed.
        self.explained: BaseException | None = None
        #: The error that says how to go on.
        self._told: BaseException | None = None
        #: The steps of the calls that have ended, each with the transaction in which it was sent.
        self._sent_before: list[tuple[Step, object | None]] = []
        #: Tables that were to be made, and were there already.
        self.found: set[str] = set()

    def write_into(self, journal: Journal, turn: Turn) -> None:
        """Write down from now on what is done.

        :param turn: keeps other runs of ``migrate`` out; asked before each step whether it still does.
        """
        self.journal, self.turn = journal, turn
        # What an earlier run has done stays when a later call fails.
        self.keeps = bool(journal.complete)
        self.transaction.call_before_commit(self.say)

    def _looks(self, step: Step) -> bool:
        """Whether what a step would make may be there already."""
        if isinstance(step.statement, s.CreateTable) and not self._finds_tables:
            return False
        return bool(self.settings.idempotent_sql) and self._in_use()

    def run(self, plan: Plan) -> None:
        with terminable():
            self._steps(plan.steps, [])

    def go_on(self) -> None:
        """With the steps that the journal has from an earlier run."""
        assert self.journal is not None
        done, rest = list(self.journal.steps[: self.journal.done]), list(self.journal.steps[self.journal.done :])
        logger.warning("Going on after %d of %d steps.", len(done), len(done) + len(rest))
        with terminable():
            self._steps(rest, done, doubt=True)

    def _remove(self, step: Step) -> None:
        """Run a step that is none of the call's own."""
        self._taking_back = True
        try:
            self._run(step)
        finally:
            self._taking_back = False

    def _steps(self, steps: Sequence[Step], done: list[Step], doubt: bool = False) -> None:
        """:param done: steps of the same call that an earlier run has sent.

        :param doubt: it may have sent the next ones as well, up to the first that marks itself done.
        """
        self._prepare(steps)
        sent: list[tuple[Step, object | None]] = []
        for step in steps:
            if doubt:
                doubt = step.stands_alone
                left = self._again(step)
                if left is None:
                    self._advance()
                    done.append(step)
                    continue
                step = left
            done.append(self._carry_out(step, done))
            sent.append((done[-1], self.transaction.current))
        if not self.transaction.of_caller:
            self._sent_before += sent
        self.keeps = self.keeps or any(step.kind is not StepClass.STOCK for step in done)
        made = (step.statement.table for step in done if isinstance(step.statement, s.CreateTable))
        self.made += [table for table in made if table not in self.found]

    def _prepare(self, steps: Sequence[Step]) -> None:
        """Refuse what would fail, or fail to be seen, between two of the steps."""
        self._session = None
        if self._in_use() and any(step.needs_session for step in steps):
            self._refuse_transaction_pooler(steps)
        if self.settings.replicas and self.replicas is None and any(step.locks for step in steps):
            self._open_replicas()
        if len(steps) > 1:
            from .rights import refuse_without_rights

            refuse_without_rights(self.connection, steps)

    def _open_replicas(self) -> None:
        from .acquire import retries

        if retries(self.settings) and not self.transaction.of_caller:
            from .replicas import Replicas

            replicas = Replicas(self.connection, self.settings.replicas, self.settings.show_blocking_queries)
            replicas.open()
            self.replicas = replicas

    def close(self) -> None:
        """Close what it has opened, at the end of the migration."""
        if self.replicas is not None:
            self.replicas.close()

    def _carry_out(self, step: Step, done: Sequence[Step]) -> Step:
        """The step as it has been run. When it fails, what is :param done: is taken back."""
        self._sent = self._marked = False
        if self.turn is not None:
            self.turn.renew()
        try:
            step = self._run_or_find(step)
        except (DatabaseError, KeyboardInterrupt) as error:
            self._explain(error, step)
            self.explained = error
            failed: Step | None = step
            if self._sent and isinstance(error, KeyboardInterrupt):
                # It came when the step had just succeeded.
                failed, done = None, [*done, step]
                self._advance()
            if not self.transaction.is_open and not self.transaction.of_caller:
                self._take_back(error, failed, done)
            elif text := met(step, error):
                self._tell(error, text)
            raise
        self._advance()
        return step

    def _again(self, step: Step) -> Step | None:
        from .again import again

        return again(self.connection, step, self._remove)

    def _run_or_find(self, step: Step) -> Step:
        """Run a step, or find that it is done already. What was there before is not taken back later."""
        looks = self._looks(step) and not self.transaction.of_caller
        if looks and isinstance(step.statement, s.CreateTable) and self._exists(step):
            # In the transaction that is open for new tables there would be no going on after the error.
            self.transaction.close()
            step = step._replace(kind=StepClass.SHORT)
        elif looks and step.kind is StepClass.STOCK and step.statement.table in self.found:
            step = step._replace(kind=StepClass.SHORT)
        try:
            self._run(step)
        except DatabaseError as error:
            if not looks or self.transaction.is_open or not self._settle(step, error):
                raise
            if isinstance(step.statement, s.CreateTable):
                self.found.add(step.statement.table)
            # As it was there before, it stays.
            return step._replace(kind=StepClass.STOCK, undo=())
        return step

    def _exists(self, step: Step) -> bool:
        with self.connection.cursor() as cursor:
            cursor.execute(f"SELECT {relation('%s')} IS NOT NULL", [step.statement.table])
            return bool(cursor.fetchone()[0])

    def _settle(self, step: Step, error: DatabaseError) -> bool:
        from .there import settle

        self._marked = False
        return settle(self.connection, step, error, self.composed, self._remove)

    # What is written down meanwhile

    def _advance(self) -> None:
        if journal := self._writing:
            journal.advance(self._marked)

    def say(self) -> None:
        """The transaction of the editor is about to be committed."""
        if self.journal is not None:
            self.journal.write(self.journal.unsaid())

    def _refuse_transaction_pooler(self, steps: Sequence[Step]) -> None:
        """Before anything of the call is sent."""
        from .pooler import ALONE, is_behind_pooler, refuse_transaction_pooler

        if not is_behind_pooler(self.connection, self._known()):
            return
        # Seen from inside a transaction, every pooler gives a connection of one's own.
        self.transaction.close()
        try:
            refuse_transaction_pooler(self.connection, self._known(), ALONE, "; ".join(x.sql for x in steps))
        except CannotMigrate as error:
            self._take_back(error, None, [])
            raise

    def _explain(self, error: DatabaseError | KeyboardInterrupt, step: Step) -> None:
        if isinstance(error, KeyboardInterrupt):
            logger.warning("%s: %s", "Terminated" if isinstance(error, Terminated) else "Interrupted", step.sql)
            return
        from .rights import lacks

        make_printable(error)
        locks = f" ({', '.join(map(str, step.locks))})" if step.locks else ""
        why = lacks(self.connection, step, error) or reason(error, step.statement)
        explain(error, f"The step that failed: {step.sql}{locks}{why}{self._in_the_way(error, step)}")
        if isinstance(error, IntegrityError) and not self.transaction.is_open and not self.transaction.of_caller:
            from .offenders import offenders

            if rows := offenders(self.connection, step, error, self.settings):
                explain(error, rows)

    def _in_the_way(self, error: DatabaseError, step: Step) -> str:
        """Who holds what the step did not get in its only attempt, on a line of its own."""
        open_transaction = self.transaction.is_open or self.transaction.of_caller
        if sqlstate(error) not in (LOCK_NOT_AVAILABLE, QUERY_CANCELED) or open_transaction or not step.locks:
            return ""
        from .blockers import look

        found = look(self.connection, step.locks, self.settings.show_blocking_queries).blockers
        return f"\nIn the way: {'; '.join(map(str, found))}" if found else ""

    def _take_back(self, error: DatabaseError | KeyboardInterrupt, failed: Step | None, done: Sequence[Step]) -> None:
        """Remove what has been made so far, so that the migration can be run again.

        With a journal only what the data has refused is removed: after a disturbance the next run goes on.
        """
        from . import undo as back

        journal = self._writing
        disturbed = isinstance(error, (OperationalError, InterfaceError, KeyboardInterrupt))
        if journal and disturbed:
            undo = back.Undo(list(failed.leftover) if failed else [], journal.done, False)
        else:
            # What code has done is not taken back: the journal goes on saying that it has run.
            keeps = self.keeps or bool(journal and self.code.committed(self.transaction.current))
            undo = back.undo(failed, done, keeps, self.made, self.transaction.wanted)
        interrupted = isinstance(error, KeyboardInterrupt)
        if why := self._lost(interrupted):
            if undo.steps:
                self._tell(error, LEFT % (why, undo.sql))
            return
        left = list(undo.steps)
        try:
            if failed and failed.building and not self._is_invalid(failed.building):
                # Nothing was left, or a valid index of this name, which is somebody's.
                left = [step for step in left if step not in failed.leftover]
            undo = undo._replace(steps=list(left))
            if interrupted and undo.steps:
                logger.warning("Taking back, until Ctrl-C is pressed again: %s", undo.sql)
            if journal and (undo.stays < journal.done or not (undo.stays or disturbed)):
                # First: what is half taken back is planned anew. So is what has not got beyond its first step.
                journal.back_to(undo.stays, undo.whole)
            while left:
                self._remove(left[0])
                del left[0]
        except (DatabaseError, KeyboardInterrupt) as another:
            why = "Interrupted again" if isinstance(another, KeyboardInterrupt) else str(another).strip()
            self._tell(error, LEFT % (f"It could not be taken back ({why})", back.joined(left)))
            return
        taken_back = f"Taken back: {undo.sql}. " if undo.steps else ""
        self._tell(error, taken_back + self._way_on(error, failed, undo, done))

    def _way_on(
        self, error: DatabaseError | KeyboardInterrupt, failed: Step | None, undo: Undo, done: Sequence[Step]
    ) -> str:
        remains_gone = failed is not None and bool(failed.leftover) and all(x in undo.steps for x in failed.leftover)
        code = self.code.committed(self.transaction.current)
        before = [*self.committed, *done[: undo.stays]]
        if failed and not self._looks(failed) and not remains_gone and (text := met(failed, error)):
            return f"{text} {way_on(before, code)}" if before or code else text
        if undo.whole and not code:
            return AGAIN
        if journal := self._writing:
            return GOES_ON if journal.complete or undo.stays else AGAIN
        return way_on(before, code)

    @property
    def committed(self) -> list[Step]:
        """What calls of this migration have done that no rollback takes back any more."""
        current = self.transaction.current
        return [step for step, own in self._sent_before if own is None or own is not current]

    def say_what_stays(self, error: BaseException) -> None:
        """To be called when the migration fails, before its transaction is rolled back."""
        current = self.transaction.current
        code, unfinished = self.code.committed(current), self.code.unfinished(current)
        if self.journal is not None or error is self._told or not (self.committed or code or unfinished):
            return
        text = way_on(self.committed, code, unfinished)
        if hasattr(error, "add_note"):
            explain(error, text)
        if isinstance(error, (KeyboardInterrupt, SystemExit)) or not hasattr(error, "add_note"):
            # Nobody sees the notes of these, and the exception of somebody's code is not ours to change.
            logger.error("%s", text)

    def _lost(self, interrupted: bool) -> str | None:
        """Why nothing can be taken back; None while there is a connection, a new one if the old one is lost."""
        driver = self.connection.connection
        if driver is not None and not driver.closed:
            return None
        if interrupted:
            return "The connection was closed"
        try:
            gone = self._server_is_done(driver)
            if self.turn is not None:
                self.turn.renew()
        except (DatabaseError, InterfaceError) as another:
            return f"The connection was lost, and there is no new one ({str(another).strip()})"
        return None if gone else "The connection was lost, and the server is still at work on the step"

    def _server_is_done(self, driver: Any) -> bool:
        """Connect, and ask whether the session of the lost connection has ended."""
        pid = self._session.pid if self._session else getattr(getattr(driver, "info", None), "backend_pid", None)
        self.connection.close()
        self._session = None
        for _ in range(SESSION_ENDS_WITHIN):
            with self.connection.cursor() as cursor:
                cursor.execute("SELECT FROM pg_catalog.pg_stat_activity WHERE pid = %s::pg_catalog.int4", [pid])
                if cursor.fetchone() is None:
                    return True
            time.sleep(0.1)
        return False

    def _is_invalid(self, index: str) -> bool:
        with self.connection.cursor() as cursor:
            where = f"indexrelid = {relation('%s')} AND NOT indisvalid"
            cursor.execute(f"SELECT FROM pg_catalog.pg_index WHERE {where}", [index])
            return cursor.fetchone() is not None

    def _tell(self, error: DatabaseError | KeyboardInterrupt, text: str) -> None:
        self._told = error
        explain(error, text)
        if isinstance(error, KeyboardInterrupt):
            logger.warning("%s", text)
