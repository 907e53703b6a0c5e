"""A dropped default of the database: the running code may rely on it."""

from __future__ import annotations

from ..ddl import statements as s
from ..errors import Unsafe
from ..findings import Kind
from ..naming import unquote
from ..planning.context import Context
from ..planning.rule import Rule

RULE = Rule(
    code="DROP_DEFAULT",
    text=Unsafe.DROP_DEFAULT,
    kind=Kind.COMPATIBILITY,
    only_checked=True,
    when=(
        "a NOT NULL column loses its default, or its identity, in the database, and the code before this deployment "
        "leaves the column to that, or does not know the column"
    ),
    effect="the INSERTs of that code fail",
    instead=(
        "take the default out of the state first (AlterField in SeparateDatabaseAndState, as state operation), release "
        "that code, which writes a value itself, and let the default go in the next release"
    ),
)


@RULE.check(s.DropDefault, s.DropIdentity)
def check(statement: s.DropDefault | s.DropIdentity, context: Context) -> str | None:
    table, column = statement.table, unquote(statement.column)
    if not context.old_code_knows(table) or not _is_needed(statement, context):
        return None
    goes = "identity" if isinstance(statement, s.DropIdentity) else "default"
    what = f"the {goes} of {statement.column} of {table} goes"
    if not context.old_code_knows(table, column):
        return f"{what}, and code that still runs does not know the column, which takes no NULL"
    if context.old_code_leaves_out(table, column):
        return f"{what}, and code that still runs leaves it to the database, where the column takes no NULL"
    return None


def _is_needed(statement: s.AlterColumn, context: Context) -> bool:
    """Return whether the column is not filled otherwise. A default set and dropped within one call does not count."""
    planned = context.projection.column(statement.table, unquote(statement.column))
    today = context.column(statement)
    if today is None or not planned.live:
        return planned.made_with_default and planned.is_not_null(planned.made_not_null)
    return (today.has_default or today.identity) and planned.is_not_null(today.not_null)
