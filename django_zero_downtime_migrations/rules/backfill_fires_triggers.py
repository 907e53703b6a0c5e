"""A fill of many rows is an UPDATE to the table's own triggers: each of them runs once for each row."""

from __future__ import annotations

from ..ddl import statements as s
from ..errors import Unsafe
from ..findings import Kind, Severity
from ..naming import unquote
from ..planning.context import Context
from ..planning.rule import Rule

RULE = Rule(
    code="BACKFILL_FIRES_TRIGGERS",
    text=Unsafe.BACKFILL_FIRES_TRIGGERS,
    kind=Kind.LOCK,
    severity=Severity.WARN,
    blocks=False,
    when="rows are changed in batches, and their table has row triggers of its own for an UPDATE of these columns",
    effect=(
        "the triggers run once for each row that is filled, with all that they do: history tables grow by as many "
        "rows, notifications are sent, and the fill takes longer"
    ),
    instead=(
        "let the triggers leave such rows alone, by a list of columns (UPDATE OF) or a condition (WHEN), or accept the "
        "finding if they are meant to see these rows"
    ),
)


@RULE.check(s.UpdateRows)
def check_update(statement: s.UpdateRows, context: Context) -> str | None:
    return _fired(statement.table, statement.columns, context)


@RULE.check(s.FillNulls)
def check_fill(statement: s.FillNulls, context: Context) -> str | None:
    return _fired(statement.table, (statement.column,), context)


@RULE.check(s.SetNotNull)
def check_not_null(statement: s.SetNotNull, context: Context) -> str | None:
    return check_fill(statement.fill, context) if statement.fill else None


def _fired(table: str, columns: tuple[str, ...], context: Context) -> str | None:
    """Name the triggers that an UPDATE of columns may fire.

    :param columns: as in SQL.
    """
    projection = context.projection
    live = {projection.live_column(table, unquote(column)) for column in columns}
    triggers = context.catalog.listeners(table).triggers
    fired = sorted(name for name, of in triggers.items() if not of or live & of)
    if not fired:
        return None
    word = "trigger" if len(fired) == 1 else "triggers"
    return f"each row of {table} that is filled fires the {word} {', '.join(fired)}"
