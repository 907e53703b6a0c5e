"""Raw SQL is sent as it was written, so what it reads or writes under a blocking lock it does under that lock."""

from __future__ import annotations

from ..ddl import statements as s
from ..errors import Unsafe
from ..findings import Kind, Severity
from ..naming import unquote
from ..planning.context import Context
from ..planning.rule import Rule

RULE = Rule(
    code="RUN_SQL",
    text=Unsafe.RUN_SQL,
    kind=Kind.LOCK,
    severity=Severity.WARN,
    when=(
        "SQL of your own reads or writes a whole table while its lock blocks traffic, or writes all rows in one "
        "transaction (found where the extra `lint` is installed)"
    ),
    effect="it is sent as it was written, and every query of the table, or of those rows, waits until it has ended",
    instead=(
        "use Django's operation for it, which is taken apart into safe steps; or write the form that does not block: "
        "CREATE INDEX CONCURRENTLY in a migration with atomic = False, NOT VALID and then VALIDATE CONSTRAINT, "
        "UPDATE and DELETE in batches"
    ),
)


@RULE.check(s.Raw)
def check(meant: s.Statement, context: Context) -> str | None:
    """Check one statement of raw SQL.

    :param meant: the statement.
    """
    does = _does(meant, context)
    where = f"{meant.table}: " if meant.table else ""
    return f"{where}{does} by {meant.sql}" if does else None


def _does(meant: s.Statement, context: Context) -> str:
    if isinstance(meant, s.Command):
        return meant.does
    blocks = any(lock.mode.blocks_traffic for lock in meant.locks())
    return "the whole table is read" if blocks and meant.scans_table and not _not_null_already(meant, context) else ""


def _not_null_already(meant: s.Statement, context: Context) -> bool:
    if not isinstance(meant, s.SetNotNull):
        return False
    column = context.column(meant)
    return bool(column and column.not_null) or bool(context.catalog.not_null_proof(meant.table, unquote(meant.column)))
