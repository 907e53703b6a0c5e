"""The plan as a script: what ``sqlmigrate`` prints, ``psql -v ON_ERROR_STOP=1 -f`` runs, with the effect of
``migrate``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

import sqlparse

from ..ddl import statements as s
from ..findings import Finding
from ..plan import Fill, Plan, Step, StepClass
from ..settings import MigrationSettings
from . import timeouts
from .fill import FIRST_PAGES, pages_sql, range_sql
from .transactions import OwnTransaction


class Script:
    """:param lines: where the script goes.
    :param write: adds a statement to it as Django's editor does, with its logging.
    """

    def __init__(
        self,
        connection: Any,
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
        self._begin: int | None = None
        self._statements = 0
        self._raw = False

    def run(self, plan: Plan) -> None:
        unsaid = list(plan.findings)
        for step in plan.steps:
            said = [x for x in unsaid if x.sent == step.statement.sql]
            unsaid = [x for x in unsaid if x not in said]
            if step.kind is StepClass.STOCK or (step.kind is StepClass.DATA and self._can_stand_inside(step)):
                self._inside(step, said)
            else:
                self.close()
                self._say(said)
                if isinstance(step.statement, s.RenameConstraint) and step.statement.why:
                    self.lines.append(f"-- {step.statement.why}")
                self._alone(step)

    def _can_stand_inside(self, step: Step) -> bool:
        return step.fill is None and not (isinstance(step.statement, s.Raw) and step.statement.concurrently)

    def _inside(self, step: Step, said: Iterable[Finding]) -> None:
        if self._raw and step.kind is StepClass.STOCK:
            self.close()
        if self._begin is None and self.transaction.wanted and not self.transaction.of_caller:
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
            self._add(self._loop(step.fill))
        elif step.kind is StepClass.LONG:
            self._long(step)
        elif step.kind is StepClass.DATA:
            self._write(step)
        else:
            self._together(step, timeouts.local(self.settings, step.kind))

    def _long(self, step: Step) -> None:
        if not self.settings.flexible_statement_timeout:
            self._write(step)
        elif step.stands_alone:
            self._add(*(f"SET {name} = 0" for name in timeouts.NAMES))
            self._write(step)
            self._add(*(f"RESET {name}" for name in timeouts.NAMES))
        else:
            self._together(step, timeouts.NONE)

    def _together(self, step: Step, values: dict[str, int]) -> None:
        prefix = timeouts.set_local(values)
        together = bool(prefix) or len(step.queries) > 1
        self._add(*(["BEGIN", *prefix] if together else []))
        self._write(step)
        self._add(*(["COMMIT"] if together else []))

    def _loop(self, work: Fill) -> str:
        """A block that commits after each range, as ``execution.fill`` does."""
        update = range_sql(work, "format('(%s,0)', page)::tid", f"format('(%s,0)', page + {FIRST_PAGES})::tid")
        # The default's own placeholders are composed; those of format() are not.
        text = update if work.params is None else self._composed(work)
        quote = next(x for x in (f"${'fill' * n}$" for n in count(1)) if x not in text)
        return (
            f"DO {quote} BEGIN FOR page IN 0 .. ({pages_sql(_literal(work.table))}) "
            f"BY {FIRST_PAGES} LOOP {text}; COMMIT; END LOOP; END {quote}"
        )

    def _composed(self, work: Fill) -> str:
        default = str(self.connection.ops.compose_sql(work.default, work.params))
        plain = Fill(work.table, work.column, default, None)
        return range_sql(plain, "format('(%s,0)', page)::tid", f"format('(%s,0)', page + {FIRST_PAGES})::tid")

    def _write(self, step: Step) -> None:
        for query in step.queries:
            self.write(query.sql, query.params)

    def _say(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            accepted = f" (accepted: {finding.assured})" if finding.assured else ""
            self.lines.append(
                f"-- {finding.severity.value} {finding.code}: {finding.message}{accepted}".replace("\n", " ")
            )

    def _add(self, *statements: str) -> None:
        self.lines.extend(text if text.rstrip().endswith(";") else text + ";" for text in statements)

    def between_operations(self) -> None:
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


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
