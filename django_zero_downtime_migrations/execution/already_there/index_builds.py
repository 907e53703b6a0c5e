"""An index whose concurrent build may have ended well, badly, or not at all: no client saw the end of it.

The server goes on building for a client that has died, and a build that fails leaves the index behind INVALID.
"""

from __future__ import annotations

import enum
import json
import re
import time
from typing import Any

from ...django_types import Connection
from ...log import logger
from ...naming import quote
from ...printable import printable
from ...server import names_of
from ..progress.activity import duration

_CREATE = re.compile(r"\bCREATE\s+(UNIQUE\s+)?INDEX\s+CONCURRENTLY\b", re.IGNORECASE)
POLL_SECONDS = 0.5
#: How often a wait for another session's build is worth a warning.
WARN_EVERY_SECONDS = 10.0

# This role may not see what a session of another role does: then a lock on the table has to do.
_AT_WORK = """
SELECT p.pid, a.usename, a.application_name, p.command, p.phase,
       pg_catalog.floor(extract(epoch FROM pg_catalog.clock_timestamp() - a.query_start))
FROM pg_catalog.pg_stat_progress_create_index p LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = p.pid
WHERE p.datname = pg_catalog.current_database() AND p.pid <> pg_catalog.pg_backend_pid()
AND (p.{column} = {oid} OR (p.relid IS NULL AND EXISTS (
    SELECT FROM pg_catalog.pg_locks l WHERE l.pid = p.pid AND l.relation = i.indrelid AND l.granted
    AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
)))
"""
_INDEX = f"""
SELECT i.indisvalid,
       (SELECT pg_catalog.json_agg(w)::pg_catalog.text FROM
        ({_AT_WORK.format(column="index_relid", oid="i.indexrelid")}) w)
FROM pg_catalog.pg_index i WHERE i.indexrelid = pg_catalog.to_regclass(%s)::pg_catalog.oid
AND i.indrelid = pg_catalog.to_regclass(%s)::pg_catalog.oid
"""
_LEFTOVERS = f"""
SELECT r.relname::pg_catalog.text,
       pg_catalog.format('"%%s"."%%s"',
           pg_catalog.replace(n.nspname, '"', '""'), pg_catalog.replace(r.relname, '"', '""'))
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class r ON r.oid = i.indexrelid
JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
WHERE i.indrelid = pg_catalog.to_regclass(%s)::pg_catalog.oid AND NOT i.indisvalid
AND r.relname::pg_catalog.text ~ '_cc(new|old)[0-9]*$'
AND NOT EXISTS ({_AT_WORK.format(column="relid", oid="i.indrelid")})
ORDER BY r.relname
"""


_INVALID = """
SELECT r.relname::pg_catalog.text, n.nspname::pg_catalog.text, pg_catalog.pg_table_is_visible(r.oid),
       i.indrelid::pg_catalog.regclass::pg_catalog.text,
       pg_catalog.format('%I.%I', n.nspname, r.relname)
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class r ON r.oid = i.indexrelid
JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
WHERE NOT i.indisvalid AND r.relkind = 'i' ORDER BY 5
"""


class Built(enum.Enum):
    #: There, and valid.
    BUILT = "built"
    ABSENT = "absent"
    #: There, and not being built any more.
    INVALID = "invalid"


def is_built(connection: Connection, table: str, index: str) -> Built:
    """Return what has become of a CREATE INDEX CONCURRENTLY. While a session is still building, this waits; between two
    looks it holds neither a transaction nor a snapshot, for which the build would wait in turn.

    :param table: as in SQL.
    :param index: as in SQL, with its schema if that is not the first of the search_path.
    :raises KeyboardInterrupt: Ctrl-C ends the wait.
    """
    alone = 0
    warned: float | None = None
    while True:
        valid, builders = _look(connection, table, index)
        if valid is None:
            return Built.ABSENT
        if valid:
            if warned is not None:
                logger.warning("The index %s has been built.", index)
            return Built.BUILT
        # A build is out of sight a moment before the transaction that makes the index valid ends.
        alone = 0 if builders else alone + 1
        if alone > 1:
            return Built.INVALID
        now = time.monotonic()
        if builders and (warned is None or now - warned >= WARN_EVERY_SECONDS):
            warned = now
            logger.warning("Waiting until the index %s is built by %s.", index, "; ".join(map(_builder, builders)))
        time.sleep(POLL_SECONDS)


def _look(connection: Connection, table: str, index: str) -> tuple[bool | None, list[dict[str, Any]]]:
    with connection.cursor() as cursor:
        cursor.execute(_INDEX, [index, table])
        row = cursor.fetchone()
    return (row[0], json.loads(row[1] or "[]")) if row else (None, [])


def _builder(row: dict[str, Any]) -> str:
    who = ", ".join(filter(None, (row["usename"], row["application_name"])))
    since = "for a time that this role may not see" if row["floor"] is None else f"for {duration(row['floor'])}"
    what = ": ".join(filter(None, (row["command"], row["phase"])))
    return printable(f"pid {row['pid']} ({who}) {since}{f' ({what})' if what else ''}")


def leftovers(connection: Connection, table: str, index: str) -> list[str]:
    """Return the INVALID indexes that a REINDEX CONCURRENTLY of this index has left, and that no session is building.

    :return: names as in SQL, with their schema. They can be dropped: the index itself does not need them.
    """
    names = names_of(connection)
    plain = names.plain(index)

    def left(name: str) -> bool:
        return names.make_object_name(plain, None, name.rpartition("_")[2]) == name

    with connection.cursor() as cursor:
        cursor.execute(_LEFTOVERS, [table])
        rows = cursor.fetchall()
    return [qualified for name, qualified in rows if left(name)]


def invalid_in(connection: Connection, sql: str) -> list[tuple[str, str]]:
    """Return the INVALID indexes that a user's own CREATE INDEX CONCURRENTLY names: table and index, as in SQL."""
    if not _CREATE.search(sql):
        return []
    with connection.cursor() as cursor:
        cursor.execute(_INVALID)
        rows = cursor.fetchall()
    return [
        (table, index)
        for name, schema, visible, table, index in rows
        if _names(sql, name) and (visible or _names(sql, schema))
    ]


def _names(sql: str, name: str) -> bool:
    quoted = quote(name) in sql
    bare = re.search(rf'(?<![\w$"]){re.escape(name)}(?![\w$"])', sql, re.IGNORECASE)
    return quoted or (name == name.lower() and bare is not None)
