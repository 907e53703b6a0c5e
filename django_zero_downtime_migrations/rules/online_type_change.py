"""A change of type that is done online: its cost, and what differs for the new column afterwards."""

from __future__ import annotations

from ..ddl import statements as s
from ..errors import Unsafe
from ..findings import Kind, Severity
from ..planning import costs
from ..planning.context import Context
from ..planning.online import online
from ..planning.repack import hint
from ..planning.rule import Rule
from ..sizes import readable

RULE = Rule(
    code="ONLINE_TYPE_CHANGE",
    text=Unsafe.ONLINE_TYPE_CHANGE,
    kind=Kind.LOCK,
    severity=Severity.NOTE,
    blocks=False,
    when="with ONLINE_TYPE_CHANGES, the type of a column changes in a way that would hold up a table in use",
    effect=(
        "every row is written once, in batches, while traffic goes on; the new column is the last one of the table, "
        "which matters to what reads columns by their position"
    ),
    instead="nothing, if there is room for the rows and their WAL; run the migration when there is little traffic",
)


@RULE.check(s.SetType)
def check(statement: s.SetType, context: Context) -> str | None:
    shadow = online(statement, context).shadow
    if shadow is None:
        return None
    column = f"{statement.table}.{statement.column}"
    cost = _cost(statement, context)
    more = f"{_held(statement, context)}{hint(statement.table, context)}"
    return f"{column} is replaced by a column of type {shadow.type}{cost}{more}"


def _held(statement: s.SetType, context: Context) -> str:
    change = context.type_change(statement)
    if change is None or change.keeps_values:
        return ""
    return f"; from now on a value that {change.new_type} does not take is refused, as it is by the type itself"


def _cost(statement: s.SetType, context: Context) -> str:
    size = context.catalog.size(statement.table)
    if not size.bytes:
        return ""
    rows = f"about {size.rows:,} rows, " if size.rows else ""
    wal = costs.fill(size, size.rows or 0, 1).wal
    return f": {rows}{readable(size.bytes)}, and about {readable(round(wal))} of WAL"
