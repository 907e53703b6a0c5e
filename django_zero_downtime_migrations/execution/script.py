"""The plan as a script: ``sqlmigrate`` prints it, ``psql -v ON_ERROR_STOP=1 -f`` runs it, with the effect of
``migrate``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import sqlparse

from ..ddl import statements as s
from ..django_types import Connection
from ..findings import Finding
from ..planning.kinds import AsStock, Batches, Concurrent, InCallers, Long, Short, Step, UsersOwn
from ..planning.queries import Fill, Rows
from ..planning.steps import Plan
from ..printable import printable
from ..server import capabilities
from ..settings import MigrationSettings
from .batches.fill import update
from .own_code import Operation
from .reader import SendsNothing
from .session import timeouts
from .transactions import OwnTransaction

if TYPE_CHECKING:
    from .journal.call_under_way import CallUnderWay


class Script(SendsNothing):
    """A ``execution.reader.Reader``, and a ``planning.steps.Visitor``.

    :param lines: where the script goes.
    :param write: adds a statement to it as Django's editor does, with its logging.
    """

    def __init__(
        self,
        connection: Connection,
        settings: MigrationSettings,
        transaction: OwnTransaction,
        lines: list[str],
        write: Callable[[str, s.Params], None],
    ) -> None:
        self.connection = connection
        self.settings = settings
        self.transaction = transaction
        self.lines = lines
        self.write = write
        #: A whole migration is written, not single calls of an editor: these have no BEGIN, as with stock Django.
        self._of_migration = False
        self._begin: int | None = None
        self._statements = 0
        self._raw = False
        #: The findings of the plan whose step has not been printed yet.
        self._unsaid: list[Finding] = []

    def use_settings(self, settings: MigrationSettings) -> None:
        self.settings = settings

    def run(self, plan: Plan, call: CallUnderWay | None = None) -> None:
        self._unsaid = list(plan.findings)
        for step in plan.steps:
            step.accept(self)

    # How each kind of step is printed

    def as_stock(self, step: AsStock) -> None:
        if self._raw:
            self.close()
        self._inside(step, len(step.queries))

    def users_own(self, step: UsersOwn) -> None:
        if step.stands_alone:
            self._outside(step)
            self._write(step)
            return
        # A user's own text may have several statements, which the server runs as one transaction.
        self._inside(step, sum(len(sqlparse.split(str(query.sql))) for query in step.queries))
        self._raw = True

    def batches(self, step: Batches) -> None:
        self._outside(step)
        # The session's timeout would count for all ranges together.
        self._add("SET statement_timeout = 0", self._loop(step.work), "RESET statement_timeout")

    def short(self, step: Short) -> None:
        self._outside(step)
        limits = timeouts.set_local(timeouts.attempt(self.connection, self.settings, step))
        self._together(step, limits, [timeouts.LOCAL_COMMIT])

    def in_callers(self, step: InCallers) -> None:
        self._outside(step)
        self._together(step, timeouts.set_local(timeouts.attempt(self.connection, self.settings, step)))

    def long(self, step: Long) -> None:
        self._outside(step)
        self._together(step, timeouts.set_local(dict.fromkeys(self._exempt_from, 0)))

    def concurrent(self, step: Concurrent) -> None:
        self._outside(step)
        self._add(*(f"SET {name} = 0" for name in self._exempt_from))
        self._write(step)
        self._add(*(f"RESET {name}" for name in self._exempt_from))

    @property
    def _exempt_from(self) -> tuple[str, ...]:
        """The timeouts that do not count for a long step."""
        return timeouts.names(capabilities(self.connection)) if self.settings.flexible_statement_timeout else ()

    def _inside(self, step: Step, statements: int) -> None:
        """Print a step in the transaction that stock Django would have put around it."""
        wanted = self._of_migration and self.transaction.wanted and not self.transaction.of_caller
        if self._begin is None and wanted:
            self._begin = self._before_comment()
        self._statements += statements
        self._say_findings(step)
        self._write(step)

    def _outside(self, step: Step) -> None:
        """End that transaction, and print a step outside it."""
        self.close()
        self._say_findings(step)
        if isinstance(step.statement, s.RenameConstraint) and step.statement.why:
            self.lines.append(f"-- {printable(step.statement.why)}")

    def _before_comment(self) -> int:
        """Return the position before the lines in which Django names the operation."""
        position = len(self.lines)
        while position and self.lines[position - 1].startswith("--"):
            position -= 1
        return position

    def _together(self, step: Step, prefix: Sequence[str], suffix: Sequence[str] = ()) -> None:
        together = bool(prefix or suffix) or len(step.queries) > 1
        self._add(*(["BEGIN", *prefix] if together else []))
        self._write(step)
        self._add(*([*suffix, "COMMIT"] if together else []))

    def _loop(self, work: Fill | Rows) -> str:
        """Return a block that commits after each range, as ``execution.batches.batches`` does."""
        from .batches.batch_sql import loop
        from .locks.limits import LONGEST

        longest, patience = self.settings.lock_timeout or LONGEST, self.settings.lock_retry_timeout
        return loop(update(self.connection, work), longest, patience, self.settings.backfill_batch_time)

    def _write(self, step: Step) -> None:
        for query in step.queries:
            self.write(query.sql, query.params)

    def _say_findings(self, step: Step) -> None:
        said = [x for x in self._unsaid if x.sent == step.statement.sql or (x.sent and x.sent in step.sql)]
        self._unsaid = [x for x in self._unsaid if x not in said]
        self._say(said)

    def _say(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            text = f"{finding.message}{finding.remark}".replace("\n", " ")
            # A carriage return ends a comment as well.
            self.lines.append(f"-- {finding.severity.value} {finding.code}: {printable(text)}")

    def _add(self, *statements: str) -> None:
        self.lines.extend(text if text.rstrip().endswith(";") else text + ";" for text in statements)

    def between_operations(self, at_work: Callable[[], Operation | None]) -> None:
        self._of_migration = True
        if self._raw:
            self.close()

    def close(self) -> None:
        """Put the transaction around what stands inside; a single statement needs none."""
        if self._begin is not None and self._statements > 1:
            self.lines.insert(self._before_comment(), "COMMIT;")
            self.lines.insert(self._begin, "BEGIN;")
        self._begin, self._statements, self._raw = None, 0, False
