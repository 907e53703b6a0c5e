"""The advisory lock of ``execution.one_at_a_time``: its keys, and who has it."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.db import DatabaseError

from ..locks import Blocker
from .blockers import QUERY

#: The first of the lock's two keys; the second is the hash of the schema's name.
KEY = 0x5A444D31
#: libpq's PQTRANS_IDLE.
IDLE = 0

_PLACE = "SELECT pg_backend_pid(), current_database(), current_schema(), hashtext(coalesce(current_schema(), ''))"
# The columns are those of a Blocker, then since when its session exists. An idle one has no transaction whose age tells
# anything.
_HOLDER = """
SELECT
    l.pid, a.usename, a.application_name, host(a.client_addr), a.backend_type, a.state, NULL,
    CASE WHEN a.state IS NOT NULL THEN floor(1000 * extract(epoch FROM clock_timestamp() - CASE
        WHEN a.state = 'idle' THEN a.state_change ELSE coalesce(a.xact_start, clock_timestamp()) END)) END::bigint,
    NULL, NULL, NULL, CASE WHEN %s AND a.state <> 'idle' THEN left(a.query, %s) END,
    date_trunc('second', a.backend_start)::text
FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.classid = %s::bigint::oid AND l.objid = %s::bigint::oid
AND l.objsubid = 2 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
AND l.pid IS DISTINCT FROM pg_backend_pid()
"""


class Holder(NamedTuple):
    """Whose turn it is. :param who: in words. :param end: how to end it."""

    who: str
    end: str


class Place(NamedTuple):
    """Where only one has a turn at a time.

    :param pid: of the server process that was asked. :param key: the second of the lock's keys.
    :param schema: None where no schema of the search_path exists.
    """

    pid: int
    database: str
    schema: str | None
    key: int

    def __str__(self) -> str:
        return f"the database {self.database!r}" + (f", schema {self.schema!r}" if self.schema else "")


def find_place(connection: Any) -> Place:
    return Place(*ask(connection, _PLACE))


def lock_holder(connection: Any, place: Place, queries: bool) -> Holder | None:
    """The session, but ours, that holds the lock. :param queries: also what it is running."""
    row = ask(connection, _HOLDER, queries, QUERY, KEY, place.key & 0xFFFFFFFF)
    if row is None:
        return None
    *blocker, since = row
    who = str(Blocker._make(blocker)) + (f", connected since {since}" if since else "")
    return Holder(who, f"SELECT pg_terminate_backend({row[0]})")


def ask(connection: Any, sql: str, *params: object) -> Any:
    """The first row. Where there is no autocommit, the transaction that begins with this ends with it."""
    connection.ensure_connection()
    ours = not in_transaction(connection) and not connection.get_autocommit()
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql, params or None)
            row = cursor.fetchone() if cursor.description else None
        if ours:
            connection.commit()
        return row
    except DatabaseError:
        if ours and not connection.connection.closed:
            connection.rollback()
        raise


def in_transaction(connection: Any) -> bool:
    """Whether somebody has one open, or will with the next statement."""
    connection.ensure_connection()
    return bool(connection.in_atomic_block or connection.connection.info.transaction_status != IDLE)
