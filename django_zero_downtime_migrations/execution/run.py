"""The loop over the steps of a plan: each is sent under the timeouts of its class, and taken back when a later one
fails.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.db import DatabaseError

from ..ddl import statements as s
from ..errors import explain
from ..plan import Plan, Query, Step, StepClass, short
from ..settings import MigrationSettings
from . import timeouts
from .fill import fill
from .reasons import reason
from .transactions import OwnTransaction

logger = logging.getLogger("django_zero_downtime_migrations")
AGAIN = "The migration can be run again."
COMMITTED = (
    "What the migration did before this call is committed: take those operations out of the migration, or take them "
    "back by hand, before you run it again."
)
Send = Callable[[str, s.Params], None]


class Runner:
    """:param send: sends one query string as the schema editor does, with its logging and wrappers."""

    def __init__(self, connection: Any, settings: MigrationSettings, transaction: OwnTransaction, send: Send) -> None:
        self.connection = connection
        self.settings = settings
        self.transaction = transaction
        self.send = send
        #: Something is committed that cannot be taken back; and the new tables that are.
        self.keeps = False
        self.made: list[str] = []

    def between_operations(self) -> None:
        """The user's own SQL may hold any lock: its transaction ends with its operation."""
        if self.transaction.raw:
            self.transaction.close()

    def run(self, plan: Plan) -> None:
        done: list[Step] = []
        for step in plan.steps:
            try:
                self._run(step)
            except DatabaseError as error:
                self._explain(error, step)
                if not self.transaction.is_open and not self.transaction.of_caller:
                    self._take_back(error, step, done)
                raise
            done.append(step)
        self.keeps = self.keeps or any(step.kind is not StepClass.STOCK for step in done)
        self.made += [step.statement.table for step in done if isinstance(step.statement, s.CreateTable)]

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
            self.send(query.sql, query.params)

    def _stock(self, step: Step) -> None:
        # Statements on a new table after the user's own SQL would hold the locks of that SQL for longer.
        self.between_operations()
        self.transaction.open()
        self._send(step.queries)

    def _short(self, step: Step) -> None:
        self._together(step, timeouts.local(self.settings, step.kind))

    def _long(self, step: Step) -> None:
        if not self.settings.flexible_statement_timeout and not self.settings.lock_timeout_force:
            self._send(step.queries)
        elif step.stands_alone:
            with timeouts.without(self.connection):
                self._send(step.queries)
        else:
            self._together(step, timeouts.NONE)

    def _together(self, step: Step, values: dict[str, int]) -> None:
        """One query string, one round trip, one implicit transaction."""
        prefix = timeouts.set_local(values)
        if len(step.queries) == 1 and not prefix:
            self._send(step.queries)
        else:
            self.send("; ".join([*prefix, *(self.composed(query) for query in step.queries)]), None)

    def _data(self, step: Step) -> None:
        if step.fill is not None:
            self.transaction.close()
            fill(self.connection, step.fill)
            return
        if isinstance(step.statement, s.Raw) and step.statement.concurrently:
            self.transaction.close()
        else:
            self.transaction.open(raw=True)
        self._send(step.queries)

    def composed(self, query: Query) -> str:
        """The query with its parameters in it, as Django's editor composes them."""
        if query.params is None:
            return str(query.sql)
        return str(self.connection.ops.compose_sql(str(query.sql), query.params))

    def _explain(self, error: DatabaseError, step: Step) -> None:
        locks = f" ({', '.join(map(str, step.locks))})" if step.locks else ""
        explain(error, f"The step that failed: {step.sql}{locks}{reason(error, step.statement)}")

    def _take_back(self, error: DatabaseError, failed: Step, done: list[Step]) -> None:
        """Remove what has been made so far, so that the migration can be run again."""
        if self.connection.connection is None or self.connection.connection.closed:
            return
        undo, whole = self._undo(failed, done)
        for step in undo:
            try:
                self._run(step)
            except DatabaseError as another:
                rest = "; ".join(x.sql for x in undo[undo.index(step) :])
                explain(error, f"It could not be taken back ({another}). Run this before you migrate again: {rest}")
                return
        taken_back = f"Taken back: {'; '.join(step.sql for step in undo)}. " if undo else ""
        explain(error, taken_back + (AGAIN if whole else COMMITTED))

    def _undo(self, failed: Step, done: list[Step]) -> tuple[list[Step], bool]:
        """What takes the call back, and whether nothing of the migration is left then.

        Rows that have been filled stay filled. Where the migration has only made new tables before, they go as well, as
        they would with the transaction of stock Django.
        """
        undo = list(failed.leftover)
        for step in reversed([x for x in done if x.fill is None and x.kind is not StepClass.STOCK]):
            if not step.undo:
                return undo, False
            undo += step.undo
        if self.keeps or not self.transaction.wanted:
            return undo, not (self.keeps or self.made)
        drops = (s.DropTable(sql=f"DROP TABLE {table}", table=table) for table in reversed(self.made))
        return undo + [short(drop, drop.sql) for drop in drops], True
