"""The loop over the steps of a plan: each is sent under the timeouts of its class, and taken back when a later one
fails.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.db import DatabaseError

from ..ddl import statements as s
from ..errors import CannotMigrate, explain
from ..plan import Plan, Query, Step, StepClass, short
from ..settings import MigrationSettings
from . import timeouts
from .fill import fill
from .interrupt import interruptible
from .reasons import reason
from .transactions import OwnTransaction

logger = logging.getLogger("django_zero_downtime_migrations")
AGAIN = "The migration can be run again."
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
        #: Something is committed that cannot be taken back; and the new tables that are.
        self.keeps = False
        self.made: list[str] = []

    def between_operations(self) -> None:
        """The user's own SQL may hold any lock: its transaction ends with its operation."""
        if self.transaction.raw:
            self.transaction.close()

    def run(self, plan: Plan) -> None:
        done: list[Step] = []
        self._session = None
        if any(step.kind is StepClass.LONG and step.stands_alone for step in plan.steps):
            self._refuse_transaction_pooler(plan)
        for step in plan.steps:
            self._sent = False
            try:
                self._run(step)
            except (DatabaseError, KeyboardInterrupt) as error:
                self._explain(error, step)
                failed: Step | None = step
                if self._sent and isinstance(error, KeyboardInterrupt):
                    # It came when the step had just succeeded.
                    failed, done = None, [*done, step]
                if not self.transaction.is_open and not self.transaction.of_caller:
                    self._take_back(error, failed, done)
                raise
            done.append(step)
        self.keeps = self.keeps or any(step.kind is not StepClass.STOCK for step in done)
        self.made += [step.statement.table for step in done if isinstance(step.statement, s.CreateTable)]

    def _refuse_transaction_pooler(self, plan: Plan) -> None:
        """Before anything of the call is sent."""
        from .pooler import ALONE, is_behind_pooler, refuse_transaction_pooler

        if not is_behind_pooler(self.connection, self._known()):
            return
        # Seen from inside a transaction, every pooler gives a connection of one's own.
        self.transaction.close()
        try:
            refuse_transaction_pooler(self.connection, self._known(), ALONE, "; ".join(x.sql for x in plan.steps))
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
        if len(step.queries) == 1 and not prefix:
            self._send(step.queries)
        else:
            self._statement("; ".join([*prefix, *(self.composed(query) for query in step.queries)]), None)

    def _data(self, step: Step) -> None:
        if step.fill is not None:
            self.transaction.close()
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
        explain(error, f"The step that failed: {step.sql}{locks}{reason(error, step.statement)}")

    def _take_back(self, error: DatabaseError | KeyboardInterrupt, failed: Step | None, done: list[Step]) -> None:
        """Remove what has been made so far, so that the migration can be run again."""
        interrupted = isinstance(error, KeyboardInterrupt)
        undo, whole = self._undo(failed, done)
        if self.connection.connection is None or self.connection.connection.closed:
            if interrupted and undo:
                logger.warning(LEFT, "The connection was closed", _joined(undo))
            return
        if interrupted and undo:
            logger.warning("Taking back, until Ctrl-C is pressed again: %s", _joined(undo))
        for step in undo:
            try:
                self._run(step)
            except (DatabaseError, KeyboardInterrupt) as another:
                why = "Interrupted again" if isinstance(another, KeyboardInterrupt) else str(another).strip()
                self._tell(error, LEFT % (f"It could not be taken back ({why})", _joined(undo[undo.index(step) :])))
                return
        taken_back = f"Taken back: {_joined(undo)}. " if undo else ""
        self._tell(error, taken_back + (AGAIN if whole else COMMITTED))

    def _tell(self, error: DatabaseError | KeyboardInterrupt, text: str) -> None:
        explain(error, text)
        if isinstance(error, KeyboardInterrupt):
            logger.warning("%s", text)

    def _undo(self, failed: Step | None, done: list[Step]) -> tuple[list[Step], bool]:
        """What takes the call back, and whether nothing of the migration is left then.

        Rows that have been filled stay filled. Where the migration has only made new tables before, they go as well, as
        they would with the transaction of stock Django.
        """
        undo = list(failed.leftover) if failed else []
        for step in reversed([x for x in done if x.fill is None and x.kind is not StepClass.STOCK]):
            if not step.undo:
                return undo, False
            # Every part of an index on a partitioned table goes with the whole.
            undo += [x for x in step.undo if x not in undo]
        if self.keeps or not self.transaction.wanted:
            return undo, not (self.keeps or self.made)
        drops = (s.DropTable(sql=f"DROP TABLE {table}", table=table) for table in reversed(self.made))
        return undo + [short(drop, drop.sql) for drop in drops], True


def _joined(steps: list[Step]) -> str:
    return "; ".join(step.sql for step in steps)
