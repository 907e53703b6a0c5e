"""Questions to the server: one, or several that share a round trip."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.db import DatabaseError

from ...django_types import Connection
from ...record import Row

#: libpq's PQTRANS_IDLE and PQTRANS_INERROR.
IDLE, IN_ERROR = 0, 3


class Question(Row):
    """A query that can stand in a FROM, and whose values JSON can carry.

    :param sql: its percent signs are doubled, except in placeholders.
    :param columns: how many it selects.
    """

    sql: str
    columns: int
    params: tuple[object, ...] = ()


def ask(connection: Connection, sql: str) -> Any:
    """Return the first row."""
    found = rows(connection, sql)
    return found[0] if found else None


def rows(connection: Connection, sql: str, *params: object) -> list[Any]:
    """Return all rows. Without autocommit, the transaction that begins with this query ends with it."""
    given: Sequence[Any] | None = params or None
    connection.ensure_connection()
    ours = not in_transaction(connection) and not connection.get_autocommit()
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql, given)
            found = list(cursor.fetchall()) if cursor.description else []
        if ours:
            connection.commit()
        return found
    except DatabaseError:
        if ours and not connection.connection.closed:
            connection.rollback()
        raise


def ask_together(connection: Connection, questions: Sequence[Question]) -> list[list[tuple[Any, ...]]]:
    """Return the rows of each, in one round trip and from one snapshot. Only psycopg 3 reads several results of one
    string.
    """
    sql = "SELECT " + ",\n".join(map(_as_value, questions))
    params = [x for question in questions for x in question.params]
    (answers,) = rows(connection, sql if params else sql.replace("%%", "%"), *params)
    return [[tuple(row.values()) for row in json.loads(answer or "[]")] for answer in answers]


def _as_value(question: Question) -> str:
    columns = ", ".join(f"c{number}" for number in range(question.columns))
    return f"(SELECT pg_catalog.json_agg(x)::pg_catalog.text FROM ({question.sql}) x({columns}))"


def in_transaction(connection: Connection) -> bool:
    """Return whether the caller has a transaction open, or will have one with the next statement."""
    connection.ensure_connection()
    return bool(connection.in_atomic_block or connection.connection.info.transaction_status != IDLE)
