"""A statement in the caller's transaction, where a concurrent build or a separate validation is impossible."""

from __future__ import annotations

from ..ddl import statements as s
from ..errors import Unsafe
from ..findings import Kind, Severity
from ..planning.context import Context
from ..planning.rule import Rule

RULE = Rule(
    code="IN_TRANSACTION",
    text=Unsafe.IN_TRANSACTION,
    kind=Kind.LOCK,
    of_templates=True,
    severity=Severity.NOTE,
    when="a statement that scans or builds runs inside a transaction that the caller has opened",
    effect="its lock blocks traffic while it works and until the transaction ends",
    instead="let the operation stand in a migration of its own, outside of atomic() and RunPython",
)


@RULE.check(s.AddForeignKey, s.AddUnique, s.AddPrimaryKey, s.AddCheck, s.CreateIndex, s.SetNotNull)
def check(statement: s.Statement, context: Context) -> str | None:
    if context.in_transaction and statement.scans_table:
        return f"{statement.table} is scanned inside a transaction"
    return None
