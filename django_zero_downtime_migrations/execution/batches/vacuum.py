"""VACUUM between the batches of a backfill: the table grows only by the new values, and not to twice its size.

https://www.postgresql.org/docs/current/sql-vacuum.html
"""

from __future__ import annotations

from ...django_types import Connection
from ...printable import printable
from ...server import capabilities
from ..session.interrupt import interruptible
from ..session.questions import rows
from ..session.timeouts import names, session, without

# A session with an older snapshot of this database may still read what the batches have replaced.
_OLD_SNAPSHOT = """
SELECT a.pid, coalesce(a.usename::pg_catalog.text, ''), coalesce(a.application_name, ''),
    extract(epoch FROM pg_catalog.clock_timestamp() - a.xact_start)::pg_catalog.int8
FROM pg_catalog.pg_stat_activity a
WHERE a.datname = pg_catalog.current_database() AND a.backend_xmin IS NOT NULL AND a.pid <> pg_catalog.pg_backend_pid()
AND a.xact_start < pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => %s::pg_catalog.float8)
ORDER BY a.xact_start LIMIT 1
"""


def vacuum(connection: Connection, table: str) -> None:
    """Remove the dead rows of a table. It lets reads and writes run, and never waits for a lock (SKIP_LOCKED).

    The empty end of the file stays: to give it back takes an ACCESS EXCLUSIVE lock.

    :param table: as it is written in SQL.
    :raises DatabaseError: what the server says when it is refused or cancelled.
    """
    exempt = names(capabilities(connection))
    with (
        without(connection, session(connection), exempt),
        interruptible(connection) as ctrl_c,
        connection.cursor() as cursor,
    ):
        cursor.execute(f"VACUUM (TRUNCATE false, SKIP_LOCKED true, PARALLEL 0) {table}", None)
    if ctrl_c.pressed:
        raise ctrl_c.error


def old_snapshot(connection: Connection, seconds: float) -> str:
    """Return which session keeps VACUUM from removing what has been replaced in the last ``seconds``; empty if none."""
    for pid, role, application, age in rows(connection, _OLD_SNAPSHOT, seconds):
        end = f"pg_terminate_backend({pid})"
        who = printable(f"pid {pid} ({role}{application and f', {application}'})")
        return f"{who} has had a transaction open for {age} s. To end it: SELECT {end}"
    return ""
