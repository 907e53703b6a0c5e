"""Whether an expression is understood where only PostgreSQL's own names are found."""

from __future__ import annotations

from django.db import DatabaseError, transaction

from ..django_types import Connection
from .server_errors import sqlstate

#: The class of SQLSTATEs for wrong syntax and missing objects: the error of a lost connection has another class.
_NOT_UNDERSTOOD = "42"


def names_only_of_the_server(connection: Connection, expression: str) -> bool:
    """Return whether functions, operators and types of an expression are found in pg_catalog alone.

    :param expression: SQL without placeholders.
    :raises DatabaseError: when the server could not be asked.
    """
    try:
        with transaction.atomic(connection.alias), connection.cursor() as cursor:
            cursor.execute("SET LOCAL search_path TO pg_catalog, pg_temp", None)
            # Nothing is computed: the server only looks up the names.
            cursor.execute(f"SELECT {expression} WHERE false", None)
            transaction.set_rollback(True, connection.alias)
    except DatabaseError as error:
        if not (sqlstate(error) or "").startswith(_NOT_UNDERSTOOD):
            raise
        return False
    return True
