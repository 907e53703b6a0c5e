"""A table that a publication has: logical subscribers are sent its new names, new columns, and each row of a fill."""

from __future__ import annotations

from ..ddl import statements as s
from ..errors import Unsafe
from ..findings import Kind, Severity
from ..planning.context import Context
from ..planning.rule import Rule

RULE = Rule(
    code="PUBLISHED_TABLE",
    text=Unsafe.PUBLISHED_TABLE,
    kind=Kind.COMPATIBILITY,
    severity=Severity.WARN,
    blocks=False,
    when=(
        "the rows of a table that a publication has are changed in batches; by `check_migrations` with the database, "
        "also when the table gets a column, or another name for itself or for a column"
    ),
    effect=(
        "PostgreSQL replicates no DDL: a subscriber that lacks the column or the name stops at the first row that is "
        "written afterwards, and WAL is kept for it until it goes on; each row of a fill is sent to every subscriber"
    ),
    instead=(
        "add the column on each subscriber before this migration runs, NULL or with a default, and rename on both "
        "while the subscription is disabled; run a fill when subscribers have caught up"
    ),
)


@RULE.check(s.AddColumn)
def check_column(statement: s.AddColumn, context: Context) -> str | None:
    return _lacks(statement.table, f"column {statement.column} of {statement.table}", context, new=True)


@RULE.check(s.RenameColumn)
def check_renamed_column(statement: s.RenameColumn, context: Context) -> str | None:
    what = f"column {statement.new_column} of {statement.table}, until now {statement.column}"
    return _lacks(statement.table, what, context)


@RULE.check(s.RenameTable)
def check_renamed_table(statement: s.RenameTable, context: Context) -> str | None:
    return _lacks(statement.table, f"table {statement.new_table}, until now {statement.table}", context)


@RULE.check(s.UpdateRows, s.FillNulls)
def check_rows(statement: s.UpdateRows | s.FillNulls, context: Context) -> str | None:
    sending = [x.name for x in context.catalog.listeners(statement.table).publications if x.updates]
    if not sending:
        return None
    return f"each row of {statement.table} that is filled is sent to the subscribers of {_named(sending)}"


@RULE.check(s.SetNotNull)
def check_not_null(statement: s.SetNotNull, context: Context) -> str | None:
    return check_rows(statement.fill, context) if statement.fill else None


def _lacks(table: str, what: str, context: Context, new: bool = False) -> str | None:
    """Say that subscribers stop if they lack something.

    :param new: a publication with a list of columns does not send it.
    """
    if context.old_code is None:
        # Only check_migrations asks: without the question, migrate adds a column in one round trip.
        return None
    sending = [x.name for x in context.catalog.listeners(table).publications if x.whole or not new]
    if not sending:
        return None
    return f"subscribers of {_named(sending)} stop at the next row that is written if they lack {what}"


def _named(publications: list[str]) -> str:
    return f"publication{'s' if len(publications) > 1 else ''} {', '.join(publications)}"
