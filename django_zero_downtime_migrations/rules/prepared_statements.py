"""A column that is replaced online has another type under its name: a SELECT that was prepared before fails."""

from __future__ import annotations

from ..ddl import statements as s
from ..errors import Unsafe
from ..findings import Kind, Severity
from ..planning.context import Context
from ..planning.online import online
from ..planning.rule import Rule

RULE = Rule(
    code="PREPARED_STATEMENTS",
    text=Unsafe.PREPARED_STATEMENTS,
    kind=Kind.COMPATIBILITY,
    severity=Severity.WARN,
    blocks=False,
    when=(
        "with ONLINE_TYPE_CHANGES, the type of a column changes, and the OPTIONS of the database have both "
        "server_side_binding and prepare_threshold, so that connections prepare statements on the server"
    ),
    effect=(
        "a connection that has prepared a SELECT of the column before, or an INSERT that returns it, gets the error "
        "'cached plan must not change result type', each time until it is closed"
    ),
    instead=(
        "take prepare_threshold out of OPTIONS in a deployment before this one, or let the application connect again "
        "when the migration has run"
    ),
)


@RULE.check(s.SetType)
def check(statement: s.SetType, context: Context) -> str | None:
    """Judge by the connection that migrates: the application most likely has the same OPTIONS."""
    if online(statement, context).shadow is None or not _prepares(context):
        return None
    column = f"{statement.table}.{statement.column}"
    return f"connections that have prepared a SELECT of {column} fail after its change of type"


def _prepares(context: Context) -> bool:
    options = context.catalog.connection.settings_dict.get("OPTIONS") or {}
    # Each of the two alone prepares nothing: Django sets no threshold, and a cursor that binds in the client has no
    # use for one.
    return bool(options.get("server_side_binding")) and options.get("prepare_threshold") is not None
