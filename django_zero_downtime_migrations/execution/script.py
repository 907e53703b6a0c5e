"""The plan as a script: what ``sqlmigrate`` prints, ``psql -v ON_ERROR_STOP=1 -f`` runs, with the effect of
``migrate``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import sqlparse

from ..ddl import statements as s
from ..django_types import Connection
from ..findings import Finding
from ..planning.steps import Fill, Plan, Step, StepClass
from ..printable import printable
from ..server import capabilities
from ..settings import MigrationSettings
from . import timeouts
from .fill import update
from .transactions import OwnTransaction


class Script:
    """:param lines: where the script goes.
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
        #: A migration is written down, not single calls of an editor: as with stock Django, these have no BEGIN.
        self._of_migration = False
        self._begin: int | None = None
        self._statements = 0
        self._raw = False

    def run(self, plan: Plan) -> None:
        unsaid = list(plan.findings)
        for step in plan.steps:
            said = [x for x in unsaid if x.sent == step.statement.sql or (x.sent and x.sent in step.sql)]
            unsaid = [x for x in unsaid if x not in said]
            if step.kind is StepClass.STOCK or (step.kind is StepClass.DATA and self._can_stand_inside(step)):
                self._inside(step, said)
            else:
                self.close()
                self._say(said)
                if isinstance(step.statement, s.RenameConstraint) and step.statement.why:
                    self.lines.append(f"-- {printable(step.statement.why)}")
                self._alone(step)

    def _can_stand_inside(self, step: Step) -> bool:
        return step.fill is None and not (isinstance(step.statement, s.Raw) and step.statement.concurrently)

    def _inside(self, step: Step, said: Iterable[Finding]) -> None:
        if self._raw and step.kind is StepClass.STOCK:
            self.close()
        wanted = self._of_migration and self.transaction.wanted and not self.transaction.of_caller
        if self._begin is None and wanted:
            self._begin = self._before_comment()
        self._statements += _count(step)
        self._raw = self._raw or step.kind is StepClass.DATA
        self._say(said)
        self._write(step)

    def _before_comment(self) -> int:
        """The place before the lines in which Django names the operation."""
        position = len(self.lines)
        while position and self.lines[position - 1].startswith("--"):
            position -= 1
        return position

    def _alone(self, step: Step) -> None:
        if step.fill is not None:
            # The timeout of the session would count for all ranges together.
            self._add("SET statement_timeout = 0", self._loop(step.fill), "RESET statement_timeout")
        elif step.kind is StepClass.LONG:
            self._long(step)
        elif step.kind is StepClass.DATA:
            self._write(step)
        else:
            self._together(step, timeouts.attempt(self.connection, self.settings, step.kind))

    def _long(self, step: Step) -> None:
        if not self.settings.flexible_statement_timeout:
            self._write(step)
            return
        names = timeouts.names(capabilities(self.connection))
        if step.stands_alone:
            self._add(*(f"SET {name} = 0" for name in names))
            self._write(step)
            self._add(*(f"RESET {name}" for name in names))
        else:
            self._together(step, dict.fromkeys(names, 0))

    def _together(self, step: Step, values: dict[str, int]) -> None:
        prefix, suffix = timeouts.set_local(values), timeouts.commit_locally(step.kind)
        together = bool(prefix or suffix) or len(step.queries) > 1
        self._add(*(["BEGIN", *prefix] if together else []))
        self._write(step)
        self._add(*([*suffix, "COMMIT"] if together else []))

    def _loop(self, work: Fill) -> str:
        """A block that commits after each range, as ``execution.batches`` does."""
        from .batch_sql import loop
        from .limits import LONGEST

        longest, patience = self.settings.lock_timeout or LONGEST, self.settings.lock_retry_timeout
        return loop(update(self.connection, work), longest, patience)

    def _write(self, step: Step) -> None:
        for query in step.queries:
            self.write(query.sql, query.params)

    def _say(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            text = f"{finding.message}{finding.remark}".replace("\n", " ")
            # A carriage return ends a comment as well.
            self.lines.append(f"-- {finding.severity.value} {finding.code}: {printable(text)}")

    def _add(self, *statements: str) -> None:
        self.lines.extend(text if text.rstrip().endswith(";") else text + ";" for text in statements)

    def between_operations(self) -> None:
        self._of_migration = True
        if self._raw:
            self.close()

    def close(self) -> None:
        """Put the transaction around what stands inside; a single statement needs none."""
        if self._begin is not None and self._statements > 1:
            self.lines.insert(self._before_comment(), "COMMIT;")
            self.lines.insert(self._begin, "BEGIN;")
        self._begin, self._statements, self._raw = None, 0, False


def _count(step: Step) -> int:
    """The statements of a step: a text of the user's own may have several, which the server runs as one transaction."""
    if step.kind is not StepClass.DATA:
        return len(step.queries)
    return sum(len(sqlparse.split(str(query.sql))) for query in step.queries)
