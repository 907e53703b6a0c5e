"""The loop over the steps of a plan: each is sent under the timeouts of its class, and taken back when a later one
fails.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError

from ..ddl import statements as s
from ..errors import CannotMigrate, explain
from ..plan import Plan, Query, Step, StepClass
from ..settings import MigrationSettings
from . import timeouts
from .fill import fill
from .interrupt import interruptible
from .reasons import reason
from .transactions import OwnTransaction

if TYPE_CHECKING:
    from .journal import Journal
    from .one_at_a_time import Turn

logger = logging.getLogger("django_zero_downtime_migrations")
AGAIN = "The migration can be run again."
GOES_ON = "Run the migration again when the reason is gone: it goes on from there, and repeats nothing that is done."
COMMITTED = (
    "What the migration did before this call is committed: take those operations out of the migration, or take them "
    "back by hand, before you run it again."
)
LEFT = "%s. Run this before you migrate again: %s"
Send = Callable[[str, s.Params], None]


class Runner:
    """:param send: sends one query string as the schema editor does, with its logging and wrappers.
    :param verbosity: that of ``migrate``. :param stream: where it writes; None where nobody runs it.
    """

    def __init__(
        self,
        connection: Any,
        settings: MigrationSettings,
        transaction: OwnTransaction,
        send: Send,
        verbosity: int = 1,
        stream: Any = None,
    ) -> None:
        self.connection = connection
        self.settings = settings
        self.transaction = transaction
        self.send = send
        self.verbosity = verbosity
        self.stream = stream
        #: The statement of the step that is being run has succeeded.
        self._sent = False
        #: What the server said of the connection when the first step that stands alone was planned.
        self._session: timeouts.Session | None = None
        #: Where the migration writes down what it does, while a call of its own is under way.
        self.journal: Journal | None = None
        #: Keeps other runs of ``migrate`` out.
        self.turn: Turn | None = None
        #: The step under way has marked itself done.
        self._marked = False
        self._taking_back = False
        #: Something is committed that cannot be taken back; and the new tables that are.
        self.keeps = False
        self.made: list[str] = []
        #: What a step would make may be there already.
        self.looks = False
        #: Tables that were to be made, and were there already.
        self.found: set[str] = set()

    def between_operations(self) -> None:
        """The user's own SQL may hold any lock: its transaction ends with its operation."""
        if self.transaction.raw:
            self.transaction.close()

    def run(self, plan: Plan) -> None:
        self._steps(plan.steps, [])

    def go_on(self) -> None:
        """With the steps that the journal has from an earlier run."""
        assert self.journal is not None
        done, rest = list(self.journal.steps[: self.journal.done]), list(self.journal.steps[self.journal.done :])
        logger.warning("Going on after %d of %d steps.", len(done), len(done) + len(rest))
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
        self._session = None
        if any(step.kind is StepClass.LONG and step.stands_alone for step in steps):
            self._refuse_transaction_pooler(steps)
        if len(steps) > 1:
            from .rights import refuse_without_rights

            refuse_without_rights(self.connection, steps)
        for step in steps:
            if doubt:
                doubt = step.stands_alone
                left = self._again(step)
                if left is None:
                    self._advance()
                    done.append(step)
                    continue
                step = left
            self._sent = self._marked = False
            if self.turn is not None:
                self.turn.renew()
            try:
                step = self._run_or_find(step)
            except (DatabaseError, KeyboardInterrupt) as error:
                self._explain(error, step)
                failed: Step | None = step
                if self._sent and isinstance(error, KeyboardInterrupt):
                    # It came when the step had just succeeded.
                    failed, done = None, [*done, step]
                    self._advance()
                if not self.transaction.is_open and not self.transaction.of_caller:
                    self._take_back(error, failed, done)
                raise
            self._advance()
            done.append(step)
        self.keeps = self.keeps or any(step.kind is not StepClass.STOCK for step in done)
        made = (step.statement.table for step in done if isinstance(step.statement, s.CreateTable))
        self.made += [table for table in made if table not in self.found]

    def _again(self, step: Step) -> Step | None:
        from .again import again

        return again(self.connection, step, self._remove)

    def _run_or_find(self, step: Step) -> Step:
        """Run a step, or find that it is done already. What was there before is not taken back later."""
        looks = self.looks and not self.transaction.of_caller
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
            cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [step.statement.table])
            return bool(cursor.fetchone()[0])

    def _settle(self, step: Step, error: DatabaseError) -> bool:
        from .there import settle

        self._marked = False
        return settle(self.connection, step, error, self.composed, self._remove)

    # What is written down meanwhile

    @property
    def _writing(self) -> Journal | None:
        """The journal, while steps of a call that it knows are run, and not taken back."""
        return self.journal if self.journal is not None and self.journal.key and not self._taking_back else None

    def _advance(self) -> None:
        if journal := self._writing:
            journal.advance(self._marked)

    def say(self) -> None:
        """The transaction of the editor is about to be committed."""
        if self.journal is not None:
            self.journal.write(self.journal.unsaid())

    def _before_alone(self) -> None:
        if journal := self._writing:
            journal.write(journal.before())

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

    def _known(self) -> timeouts.Session:
        if self._session is None:
            self._session = timeouts.session(self.connection)
        return self._session

    def _run(self, step: Step) -> None:
        kind = step.kind
        if kind is StepClass.STOCK:
            self._stock(step)
        elif kind is StepClass.CALLERS:
            with timeouts.inside(self.connection, timeouts.local(self.settings, kind)):
                self._send(step.queries)
        elif kind is StepClass.DATA:
            self._data(step)
        else:
            self.transaction.close()
            sql = "; ".join(map(self.composed, step.queries))
            logger.info("%s step: %s [%s]", kind.value, sql, ", ".join(map(str, step.locks)))
            (self._long if kind is StepClass.LONG else self._short)(step)

    def _send(self, queries: tuple[Query, ...]) -> None:
        for query in queries:
            self._statement(query.sql, query.params)

    def _statement(self, sql: str, params: s.Params) -> None:
        with interruptible(self.connection) as ctrl_c:
            self.send(sql, params)
            self._sent = True
        if ctrl_c.pressed:
            raise KeyboardInterrupt

    def _stock(self, step: Step) -> None:
        # Statements on a new table after the user's own SQL would hold the locks of that SQL for longer.
        self.between_operations()
        self.transaction.open()
        if self._writing and not self.transaction.is_open:
            if step.stands_alone:
                self._before_alone()
                self._send(step.queries)
            else:
                self._together(step, {})
            return
        for query in step.queries:
            self.send(query.sql, query.params)

    def _short(self, step: Step) -> None:
        # Imported where it is needed: most processes of a project migrate nothing.
        from .acquire import Acquisition, retries

        if retries(self.settings):
            sql = "; ".join(map(self.composed, step.queries))
            Acquisition(self.connection, self.settings, step, sql, lambda values: self._together(step, values)).run()
        else:
            self._together(step, timeouts.local(self.settings, step.kind))

    def _long(self, step: Step) -> None:
        exempt = self.settings.flexible_statement_timeout or self.settings.lock_timeout_force
        if step.stands_alone:
            self._alone(step, timeouts.NAMES if exempt else ())
        else:
            with self._progress(step):
                self._together(step, timeouts.NONE if exempt else {})

    def _alone(self, step: Step, exempt_from: tuple[str, ...]) -> None:
        self._before_alone()
        with timeouts.without(self.connection, self._known(), exempt_from), self._progress(step):
            self._send(step.queries)

    def _progress(self, step: Step) -> AbstractContextManager[None]:
        if self.verbosity == 0:
            return nullcontext()
        from .progress import Progress

        self.connection.ensure_connection()
        # Behind a pooler the driver does not know the process.
        pid = self._session.pid if self._session else self.connection.connection.info.backend_pid
        return Progress(self.connection, step, pid, self.settings.show_blocking_queries, self.stream)

    def _together(self, step: Step, values: dict[str, int]) -> None:
        """One query string, one round trip, one implicit transaction."""
        prefix = timeouts.set_local(values)
        mark = [journal.after()] if (journal := self._writing) else []
        if len(step.queries) == 1 and not prefix and not mark:
            self._send(step.queries)
        else:
            self._marked = bool(mark)
            self._statement("; ".join([*prefix, *(self.composed(query) for query in step.queries), *mark]), None)

    def _data(self, step: Step) -> None:
        if step.fill is not None:
            self.transaction.close()
            self._before_alone()
            with interruptible(self.connection) as ctrl_c:
                fill(self.connection, step.fill)
            if ctrl_c.pressed:
                raise KeyboardInterrupt
        elif isinstance(step.statement, s.Raw) and step.statement.concurrently:
            self.transaction.close()
            # A concurrent build that runs into a lock timeout leaves an INVALID index.
            self._alone(step, ("lock_timeout",) if self.settings.lock_timeout_force else ())
        else:
            self.transaction.open(raw=True)
            if not self.transaction.is_open:
                self._before_alone()
            self._send(step.queries)

    def composed(self, query: Query) -> str:
        """The query with its parameters in it, as Django's editor composes them."""
        if query.params is None:
            return str(query.sql)
        return str(self.connection.ops.compose_sql(str(query.sql), query.params))

    def _explain(self, error: DatabaseError | KeyboardInterrupt, step: Step) -> None:
        if isinstance(error, KeyboardInterrupt):
            logger.warning("Interrupted: %s", step.sql)
            return
        locks = f" ({', '.join(map(str, step.locks))})" if step.locks else ""
        from .rights import lacks

        why = lacks(self.connection, step, error) or reason(error, step.statement)
        explain(error, f"The step that failed: {step.sql}{locks}{why}")
        if isinstance(error, IntegrityError) and not self.transaction.is_open and not self.transaction.of_caller:
            from .offenders import offenders

            if rows := offenders(self.connection, step, error, self.settings):
                explain(error, rows)

    def _take_back(self, error: DatabaseError | KeyboardInterrupt, failed: Step | None, done: list[Step]) -> None:
        """Remove what has been made so far, so that the migration can be run again.

        With a journal only what the data has refused is removed: after a disturbance the next run goes on.
        """
        from .undo import Undo, joined
        from .undo import undo as undo_of

        journal = self._writing
        disturbed = isinstance(error, (OperationalError, InterfaceError, KeyboardInterrupt))
        if journal and disturbed:
            undo = Undo(list(failed.leftover) if failed else [], journal.done, False)
        else:
            undo = undo_of(failed, done, self.keeps, self.made, self.transaction.wanted)
        interrupted = isinstance(error, KeyboardInterrupt)
        if self.connection.connection is None or self.connection.connection.closed:
            if interrupted and undo.steps:
                logger.warning(LEFT, "The connection was closed", undo.sql)
            return
        if failed and failed.building and not self._is_invalid(failed.building):
            # Nothing was left, or a valid index of this name, which is somebody's.
            undo = undo._replace(steps=[x for x in undo.steps if x not in failed.leftover])
        if interrupted and undo.steps:
            logger.warning("Taking back, until Ctrl-C is pressed again: %s", undo.sql)
        left = list(undo.steps)
        try:
            if journal and (undo.stays < journal.done or not (undo.stays or disturbed)):
                # First: what is half taken back is planned anew. So is what has not got beyond its first step.
                journal.back_to(undo.stays, undo.whole)
            while left:
                self._remove(left[0])
                del left[0]
        except (DatabaseError, KeyboardInterrupt) as another:
            why = "Interrupted again" if isinstance(another, KeyboardInterrupt) else str(another).strip()
            self._tell(error, LEFT % (f"It could not be taken back ({why})", joined(left)))
            return
        taken_back = f"Taken back: {undo.sql}. " if undo.steps else ""
        self._tell(error, taken_back + (AGAIN if undo.whole else GOES_ON if journal else COMMITTED))

    def _is_invalid(self, index: str) -> bool:
        with self.connection.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass(%s) AND NOT indisvalid)", [index]
            )
            return bool(cursor.fetchone()[0])

    def _tell(self, error: DatabaseError | KeyboardInterrupt, text: str) -> None:
        explain(error, text)
        if isinstance(error, KeyboardInterrupt):
            logger.warning("%s", text)
