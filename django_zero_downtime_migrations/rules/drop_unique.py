"""A dropped unique constraint or index: the running code may rely on it."""

from __future__ import annotations

from ..ddl import statements as s
from ..ddl.spaces import Space
from ..errors import Unsafe
from ..findings import Kind, Severity
from ..naming import quote, unquote
from ..planning.context import Context
from ..planning.rule import Rule

RULE = Rule(
    code="DROP_UNIQUE",
    text=Unsafe.DROP_UNIQUE,
    kind=Kind.COMPATIBILITY,
    severity=Severity.NOTE,
    only_checked=True,
    when="a unique constraint or index is dropped that the models of the code before this deployment have",
    effect=(
        "bulk_create() of that code with unique_fields fails (ON CONFLICT finds nothing that is unique), and its "
        "get_or_create() may make a second row"
    ),
    instead="release code that does not count on it first, if any does, and drop it when the old code has gone",
)


@RULE.check(s.DropConstraint, s.DropIndex)
def check(statement: s.DropConstraint | s.DropIndex, context: Context) -> str | None:
    table, name = statement.table, unquote(statement.name)
    index = context.catalog.index(table, statement.name)
    if statement.of_column or index is None or not index.unique or not index.keys or not context.in_use(table):
        return None
    if not context.old_code_keeps(table, "u", index.keys, "") or _another(table, name, index.keys, context):
        return None
    return f"{quote(name)} of {table} goes, and code that still runs may count on its being unique"


def _another(table: str, name: str, columns: tuple[str, ...], context: Context) -> bool:
    """Return whether another one of the same columns is there, or made before."""
    there = [x.keys for x in context.catalog.indexes(table) if x.unique and x.name != name and x.plain]
    made = [tuple(x["columns"]) for x in context.projection.made(table, Space.INDEXES) if x["unique"]]
    return any(set(keys) == set(columns) for keys in [*there, *made])
