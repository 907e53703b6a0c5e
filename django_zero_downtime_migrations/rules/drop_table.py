"""A dropped table: the code that still runs asks for it."""

from __future__ import annotations

from ..ddl import statements as s
from ..errors import Unsafe
from ..findings import Kind, Severity
from ..planning.context import Context
from ..planning.rule import Rule

RULE = Rule(
    code="DROP_TABLE",
    text=Unsafe.DROP_TABLE,
    kind=Kind.COMPATIBILITY,
    severity=Severity.WARN,
    only_checked=True,
    when="a table is dropped that the models of the code before this deployment have",
    effect="every query of that code on the table fails, also the deletion of rows in tables that it pointed to",
    instead=(
        "set EXPAND_CONTRACT to True: the table stays until no old code is seen; or "
        "make its foreign keys db_constraint=False, then release code without the model: let Django forget it with "
        "SeparateDatabaseAndState, and drop the table in the next release"
    ),
)


@RULE.check(s.DropTable)
def check(statement: s.DropTable, context: Context) -> str | None:
    if not context.old_code_knows(statement.table):
        return None
    return f"{statement.table} is dropped, and code that still runs may ask for it"
