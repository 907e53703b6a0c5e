"""The sessions that hold what a step needs: asked for before the step queues for its locks, and shown in the log."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from ...django_types import Connection, Session
from ...locks import CONFLICTS, Blocker, Lock, LockMode
from ...naming import relation
from ...record import Row

#: Characters of a query's text in a message.
QUERY = 200

# Values of other sessions that a role may not see are NULL in pg_stat_activity, and then the age is NULL here too. A
# session whose transaction has ended since pg_locks was read is 0 ms old; CREATE INDEX CONCURRENTLY also holds its lock
# between two transactions, so there the query's age counts.
_LOOK = f"""
WITH RECURSIVE named(relation, modes, alone) AS MATERIALIZED (
    SELECT {relation("w.name")}, pg_catalog.string_to_array(w.modes, ' '), w.alone
    FROM ROWS FROM (
        pg_catalog.unnest(%s::pg_catalog.text[]), pg_catalog.unnest(%s::pg_catalog.text[]),
        pg_catalog.unnest(%s::boolean[])
    ) AS w(name, modes, alone)
), wanted(relation, modes, alone) AS (
    SELECT * FROM named
    UNION
    SELECT i.inhrelid, w.modes, false
    FROM pg_catalog.pg_inherits i JOIN wanted w ON i.inhparent = w.relation AND NOT w.alone
), locks AS MATERIALIZED (
    SELECT * FROM pg_catalog.pg_locks
), held AS (
    SELECT DISTINCT l.pid, l.mode, l.relation, l.virtualtransaction
    FROM locks l JOIN wanted w ON l.relation = w.relation AND l.mode = ANY (w.modes)
    WHERE l.locktype = 'relation' AND l.granted AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
    AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
)
SELECT
    (SELECT pg_catalog.count(DISTINCT relation) FROM wanted WHERE relation IS NOT NULL),
    (SELECT setting::int FROM pg_catalog.pg_settings WHERE name = 'deadlock_timeout'),
    (SELECT setting::int FROM pg_catalog.pg_settings WHERE name = 'transaction_timeout'),
    (SELECT setting::int FROM pg_catalog.pg_settings WHERE name = 'statement_timeout'),
    (SELECT pg_catalog.bool_and(c.oid IS NOT NULL AND c.relkind IN ('r', 'p')
        AND pg_catalog.has_table_privilege(c.oid, 'SELECT'::pg_catalog.text)
        AND pg_catalog.has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE'::pg_catalog.text))
     FROM named LEFT JOIN pg_catalog.pg_class c ON c.oid = named.relation),
    (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_array(
        h.pid, coalesce(a.usename, p.owner), a.application_name, pg_catalog.host(a.client_addr),
        a.backend_type, a.state, p.gid,
        CASE WHEN a.query IS DISTINCT FROM '<insufficient privilege>'
            THEN coalesce(pg_catalog.floor(
                extract(epoch FROM pg_catalog.clock_timestamp() - since.began) * 1000::numeric), 0) END,
        h.mode, h.relation::pg_catalog.regclass::pg_catalog.text,
        a.query LIKE 'autovacuum:%%(to prevent wraparound)%%',
        CASE WHEN %s THEN pg_catalog.left(a.query, %s) END
     ) ORDER BY since.began NULLS FIRST, h.pid), '[]')
     FROM held h
     LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = h.pid
     LEFT JOIN locks x ON h.pid IS NULL AND x.pid IS NULL AND x.locktype = 'transactionid'
         AND x.virtualtransaction = h.virtualtransaction
     LEFT JOIN pg_catalog.pg_prepared_xacts p ON p.transaction = x.transactionid
     CROSS JOIN LATERAL (
         SELECT coalesce(a.xact_start, p.prepared, CASE WHEN a.state <> 'idle' THEN a.query_start END)
     ) AS since(began)
     WHERE a.leader_pid IS NULL)
"""
# A question must not block other sessions: asking for the size of a table would queue behind a waiting lock request.
# Both settings travel with the query, also behind a pooler.
_BRIEFLY = "SET LOCAL lock_timeout = 100; SET LOCAL statement_timeout = 2000; "
_CANCEL = """
SELECT pg_catalog.pg_cancel_backend(pid) FROM pg_catalog.pg_stat_activity
WHERE pid = %s AND backend_type = 'autovacuum worker' AND query NOT LIKE '%%(to prevent wraparound)%%'
"""


class Look(Row):
    """The state of the locks before an attempt.

    :param relations: how many tables the step locks, partitions included.
    :param deadlock_timeout: in ms.
    :param transaction_timeout: in ms; 0 if there is none.
    :param statement_timeout: of the session, in ms.
    :param lockable: whether all that the step locks are existing tables that this role may ``LOCK``.
    """

    relations: int
    deadlock_timeout: int
    blockers: tuple[Blocker, ...]
    transaction_timeout: int = 0
    statement_timeout: int = 0
    lockable: bool = False


def briefly(session: Session, sql: str, params: Sequence[object]) -> Any:
    """Return the first row of an answer that is useless, or blocks other sessions, if it takes long.

    :param session: a connection of the driver.
    """
    with session.cursor() as cursor:
        cursor.execute(_BRIEFLY + sql, params)
        # psycopg2 has the last result of a string, psycopg 3 all of them.
        while cursor.description is None and cursor.nextset():
            pass
        return cursor.fetchone()


def look(connection: Connection, locks: Iterable[Lock], queries: bool) -> Look:
    """Ask, in one round trip, for granted locks that conflict with these.

    :param queries: also ask what the holders are running.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LOOK, _asked(locks, queries))
        return _look(cursor.fetchone())


def look_there(session: Session, locks: Iterable[Lock], queries: bool) -> Look:
    """Ask another server for granted locks that conflict with these.

    :param session: a connection of the driver.
    """
    return _look(briefly(session, _LOOK, _asked(locks, queries)))


def _asked(locks: Iterable[Lock], queries: bool) -> list[Any]:
    wanted = list(locks)
    tables = [lock.table for lock in wanted]
    modes = [" ".join(mode.value for mode in CONFLICTS[lock.mode]) for lock in wanted]
    # These are texts: psycopg writes a list of booleans with the name of its type, but without the type's schema.
    alone = [str(lock.only) for lock in wanted]
    return [tables, modes, alone, queries, QUERY]


def _look(row: Any) -> Look:
    relations, deadlock, transaction, statement, lockable, found = row
    rows = json.loads(found) if isinstance(found, str) else found
    blockers = tuple(_blocker(row) for row in rows)
    return Look(relations, deadlock, blockers, transaction or 0, statement, bool(lockable))


def _blocker(row: list[Any]) -> Blocker:
    return Blocker(*row)._replace(mode=LockMode(row[8]))


def cancel(connection: Connection, blocker: Blocker) -> bool:
    """Cancel a regular autovacuum, as the server itself does for a session that waits for ``deadlock_timeout``.

    :raises ProgrammingError: when the role may not.
    """
    with connection.cursor() as cursor:
        cursor.execute(_CANCEL, [blocker.pid])
        row = cursor.fetchone()
    return bool(row and row[0])
