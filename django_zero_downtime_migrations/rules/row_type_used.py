"""A column that is replaced online becomes the last one: functions may know those of its table by their order."""

from __future__ import annotations

from ..ddl import statements as s
from ..errors import Unsafe
from ..findings import Kind, Severity
from ..planning.context import Context
from ..planning.online import online
from ..planning.rule import Rule

RULE = Rule(
    code="ROW_TYPE_USED",
    text=Unsafe.ROW_TYPE_USED,
    kind=Kind.COMPATIBILITY,
    severity=Severity.WARN,
    blocks=False,
    when=(
        "with ONLINE_TYPE_CHANGES, a column is replaced by another one, and functions take or return the rows of its "
        "table, or its triggers copy NEW.* or OLD.*"
    ),
    effect=(
        "the new column is the last one of the table: what goes by the order of the columns puts values into other "
        "ones, or fails"
    ),
    instead="name the columns in these functions, in the order that they need",
)


@RULE.check(s.SetType)
def check(statement: s.SetType, context: Context) -> str | None:
    if online(statement, context).shadow is None:
        return None
    users = context.catalog.row_type_users(statement.table)
    if not users:
        return None
    column = f"{statement.table}.{statement.column}"
    return f"{column} becomes the last column, and {', '.join(users)} may go by their order"
