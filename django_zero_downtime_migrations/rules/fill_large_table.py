"""NOT NULL with a default over a table of many rows: the fill takes its time."""

from __future__ import annotations

from ..ddl import statements as s
from ..errors import Unsafe
from ..findings import Kind, Severity
from ..naming import unquote
from ..planning.context import Context
from ..planning.rule import Rule

#: Rows from which a fill inside a migration is worth a word.
LARGE = 1_000_000

RULE = Rule(
    code="FILL_LARGE_TABLE",
    text=Unsafe.FILL_LARGE_TABLE,
    kind=Kind.LOCK,
    severity=Severity.WARN,
    when="a column becomes NOT NULL with a default, and a million rows or more have NULL in it",
    effect=(
        "the migration runs for as long as it takes to write the rows; traffic goes on, but bloat and "
        "replication lag grow"
    ),
    instead="fill the column by a Backfill, which may be left for later (later=True), before it becomes NOT NULL",
)


@RULE.check(s.SetNotNull)
def check(statement: s.SetNotNull, context: Context) -> str | None:
    if statement.fill is None:
        return None
    rows = context.catalog.nulls(statement.table, unquote(statement.column))
    return f"about {rows:,} rows of {statement.table} are filled" if rows >= LARGE else None
