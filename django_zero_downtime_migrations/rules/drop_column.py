"""A dropped column: the code that still runs selects it by name."""

from __future__ import annotations

from ..ddl import statements as s
from ..errors import Unsafe
from ..findings import Kind, Severity
from ..naming import unquote
from ..planning.context import Context
from ..planning.repack import hint
from ..planning.rule import Rule

RULE = Rule(
    code="DROP_COLUMN",
    text=Unsafe.DROP_COLUMN,
    kind=Kind.COMPATIBILITY,
    severity=Severity.WARN,
    only_checked=True,
    when="a column is dropped that the models of the code before this deployment have",
    effect="every query of that code on the table fails, since Django names all columns in a SELECT",
    instead=(
        "set EXPAND_CONTRACT to True: the column stays until no old code is seen; or "
        "make the column NULL, and a foreign key db_constraint=False, then release code without the field: let Django "
        "forget it with SeparateDatabaseAndState, and drop the column in the next release"
    ),
)


@RULE.check(s.DropColumn)
def check(statement: s.DropColumn, context: Context) -> str | None:
    if not context.old_code_knows(statement.table, unquote(statement.column)):
        return None
    text = f"{statement.column} of {statement.table} is dropped, and code that still runs may select it"
    return f"{text}{hint(statement.table, context)}"
