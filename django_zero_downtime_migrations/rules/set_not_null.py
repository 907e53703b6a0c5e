"""NOT NULL: the code that still runs may write NULL, or leave the column out."""

from __future__ import annotations

from ..ddl import statements as s
from ..errors import Unsafe
from ..findings import Kind, Severity
from ..naming import unquote
from ..planning.context import Context
from ..planning.rule import Certain, Rule

RULE = Rule(
    code="SET_NOT_NULL",
    text=Unsafe.SET_NOT_NULL,
    kind=Kind.COMPATIBILITY,
    severity=Severity.WARN,
    only_checked=True,
    when="a column becomes NOT NULL whose field takes None in the code before this deployment, or is unknown there",
    effect=(
        "INSERTs and UPDATEs of that code that leave NULL in the column fail; where it does not know the column, all "
        "of its INSERTs do, and the change is refused"
    ),
    instead=(
        "set EXPAND_CONTRACT to True and give the field a default, which a trigger then puts in the place of NULL; or "
        "release code that always writes a value first, and make the column NOT NULL when the old code has gone"
    ),
)


@RULE.check(s.SetNotNull)
def check(statement: s.SetNotNull, context: Context) -> str | None:
    table, column = statement.table, unquote(statement.column)
    if not context.in_use(table) or context.catalog.not_null_proof(table, column):
        return None
    if context.projection.column(table, column).filled_by_trigger:
        return None
    if not context.old_code_knows(table, column):
        if _keeps_default(statement, context) or not context.old_code_knows(table):
            return None
        return Certain(
            f"{statement.column} of {table} becomes NOT NULL, and code that still runs does not know the column"
        )
    if context.old_code_writes_null(table, column):
        return f"{statement.column} of {table} becomes NOT NULL, and code that still runs may write NULL"
    return None


def _keeps_default(statement: s.SetNotNull, context: Context) -> bool:
    """Return whether the database fills the column. Django's default for existing rows is dropped again."""
    column = context.projection.column(statement.table, unquote(statement.column))
    return column.made_with_default or (statement.fill is None and bool(column.has_default))
