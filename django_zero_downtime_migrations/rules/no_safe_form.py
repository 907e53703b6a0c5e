"""A statement with an unknown clause: it is sent as Django wrote it, and reported."""

from __future__ import annotations

from ..ddl import statements as s
from ..errors import Unsafe
from ..findings import Kind
from ..planning.context import Context
from ..planning.rule import Rule

RULE = Rule(
    code="NO_SAFE_FORM",
    text=Unsafe.NO_SAFE_FORM,
    kind=Kind.LOCK,
    of_templates=True,
    when="Django or a package adds a clause for which no safe sequence is known",
    effect="the statement scans, builds or writes while its lock blocks traffic",
    instead="report the statement, so that it gets a safe sequence; run it when the table is quiet",
)


@RULE.check(s.AddUnique, s.AddPrimaryKey, s.CreateIndex, s.AlterColumns)
def check(statement: s.Statement, context: Context) -> str | None:
    if isinstance(statement, (s.AddUnique, s.AddPrimaryKey)) and statement.plain:
        return None
    if isinstance(statement, s.CreateIndex) and not statement.unique and not context.in_transaction:
        far = [part.table for part in context.catalog.partitions(statement.table) if part.kind == "f"]
        if far:
            return (
                f"{statement.table} has partitions that are foreign tables ({', '.join(far)}), so that its index "
                "cannot be put together from those of its partitions"
            )
    if isinstance(statement, s.CreateIndex) and (
        statement.concurrently or statement.sql.startswith(("CREATE INDEX", "CREATE UNIQUE INDEX"))
    ):
        return None
    return f"no safe form is known of {context.text(statement)}"
