"""Whether old code is still seen: sessions older than a change, and activity on the tables that stay.

All times are times of the server's clock, in seconds.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from ...django_types import Connection
from ...durations import Duration
from ...log import logger
from ...printable import printable
from ...record import Row
from ..session.questions import Question, ask_together

#: At most this many sessions are named.
NAMED: Final = 5

# A session of another role that may not be seen has neither a kind nor a beginning.
_SESSIONS: Final = """
SELECT a.pid, coalesce(a.application_name, ''), coalesce(a.usename::pg_catalog.text, ''),
       pg_catalog.date_part('epoch'::pg_catalog.text, a.backend_start)
FROM pg_catalog.pg_stat_activity a JOIN pg_catalog.pg_database d ON d.oid = a.datid
WHERE d.datname = pg_catalog.current_database() AND a.usesysid IS NOT NULL AND a.pid <> pg_catalog.pg_backend_pid()
AND coalesce(a.backend_type, 'client backend') = 'client backend'
ORDER BY 4 NULLS FIRST, 1
"""
_SERVER: Final = """
SELECT pg_catalog.pg_backend_pid(),
       pg_catalog.date_part('epoch'::pg_catalog.text, pg_catalog.clock_timestamp()),
       pg_catalog.date_part('epoch'::pg_catalog.text, pg_catalog.pg_postmaster_start_time()),
       coalesce((
           SELECT s.stats_reset::pg_catalog.text FROM pg_catalog.pg_stat_database s
           WHERE s.datname = pg_catalog.current_database()
       ), '')
"""
# The tables, with all that inherit from them. If the server does not count (track_counts is off), the counts are NULL.
_COUNTED: Final = """
WITH RECURSIVE tree(oid) AS (
    SELECT pg_catalog.to_regclass(x.name)::pg_catalog.oid
    FROM pg_catalog.json_array_elements_text(%s::pg_catalog.json) x(name)
    UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN tree ON i.inhparent = tree.oid
)
SELECT CASE WHEN pg_catalog.current_setting('track_counts') = 'on' THEN coalesce(pg_catalog.sum(
           coalesce(s.seq_scan, '0'::pg_catalog.int8) + coalesce(s.idx_scan, '0'::pg_catalog.int8)
           + coalesce(s.n_tup_ins, '0'::pg_catalog.int8) + coalesce(s.n_tup_upd, '0'::pg_catalog.int8)
           + coalesce(s.n_tup_del, '0'::pg_catalog.int8)
       ), '0'::pg_catalog.numeric)::pg_catalog.int8 END,
       coalesce(pg_catalog.sum(pg_catalog.pg_relation_size(tree.oid::pg_catalog.regclass)), '0'::pg_catalog.numeric)
           = '0'::pg_catalog.numeric,
       EXISTS (
           SELECT FROM tree there JOIN pg_catalog.pg_attribute a ON a.attrelid = there.oid
           WHERE NOT a.attisdropped
           AND (%s::pg_catalog.text = '' OR a.attname::pg_catalog.text = %s::pg_catalog.text)
       ),
       (
           SELECT CASE WHEN pg_catalog.has_sequence_privilege(q.oid, 'USAGE') THEN
               coalesce(pg_catalog.pg_sequence_last_value(q.oid::pg_catalog.regclass), '0'::pg_catalog.int8) END
           FROM pg_catalog.pg_class q
           WHERE q.relkind = 'S' AND q.relname::pg_catalog.text = %s::pg_catalog.text
           AND q.relnamespace IN (
               SELECT t.relnamespace FROM tree there JOIN pg_catalog.pg_class t ON t.oid = there.oid
           )
           LIMIT 1
       )
FROM tree LEFT JOIN pg_catalog.pg_stat_all_tables s ON s.relid = tree.oid
"""


class Seen(Row):
    """The state of a debt at the last look.

    :param since: when the first look was.
    :param quiet: when the time without a trace of old code began.
    :param at: when the last look was.
    :param started: when the server was started.
    :param reset: when its statistics were reset, as text.
    :param counted: scans and changed rows of the tables that stay; None if they are not counted, or a column stays.
    :param written: how often old code has written the column, as a trigger counts it; None without a counter.
    """

    since: float
    quiet: float
    at: float
    started: float
    reset: str
    counted: int | None
    written: int | None = None


class OldSession(Row):
    """A session that is older than a change.

    :param began: None if this role may not know.
    """

    pid: int
    application: str
    role: str
    began: float | None


class Server(Row):
    """The server at the time of a look.

    :param is_pooled: other clients share this connection to the server, and cannot be told apart.
    """

    now: float
    started: float
    reset: str
    is_pooled: bool
    sessions: tuple[OldSession, ...]


class There(Row):
    """The state of some tables.

    :param counted: as :attr:`Seen.counted`.
    :param is_empty: every table has 0 pages.
    :param exists: at least one table exists, with the column that was asked about.
    :param written: as :attr:`Seen.written`.
    """

    counted: int | None
    is_empty: bool
    exists: bool
    written: int | None = None


class Verdict(Row):
    """Whether a debt may be dropped.

    :param seen: the state to be written down.
    :param reasons: what speaks against it, in words; empty if nothing does.
    """

    seen: Seen
    reasons: tuple[str, ...]


def look(connection: Connection, *about: tuple[Sequence[str], str, str]) -> tuple[Server, list[There]]:
    """Return the current state, in one round trip.

    :param about: for each debt its tables, as they are written in SQL, and the plain names of a column and of the
        sequence that counts what is written into it, or empty strings.
    """
    asked = [
        Question(_COUNTED, 4, (json.dumps(list(tables)), column, column, counter)) for tables, column, counter in about
    ]
    [[server], sessions, *found] = ask_together(connection, [Question(_SERVER, 4), Question(_SESSIONS, 4), *asked])
    pid, now, started, reset = server
    pooled = pid != int(connection.connection.info.backend_pid)
    seen = Server(now, started, reset, pooled, tuple(OldSession(*x) for x in sessions))
    return seen, [There(*row) for [row] in found]


def is_alone(connection: Connection, tables: Sequence[str]) -> bool:
    """Return whether no other session can be using the tables: there is none, or the tables have 0 pages."""
    server, [there] = look(connection, (tables, "", ""))
    if there.is_empty:
        return True
    if server.sessions or server.is_pooled:
        return False
    text = "No other session is connected, so nothing of %s is left for old code: the change is finished at once."
    logger.warning(text, printable(", ".join(tables)))
    return True


def judge(
    server: Server, before: Seen | None, counted: int | None, quiet_time: Duration, written: int | None = None
) -> Verdict:
    """Judge whether what is owed may be dropped.

    :param before: the state at the last look; None at the first look, from which on everything counts.
    :param counted: as :attr:`Seen.counted`.
    :param quiet_time: in milliseconds.
    :param written: as :attr:`Seen.written`.
    """
    now = server.now
    if before is None:
        before = Seen(now, now, now, server.started, server.reset, counted, written)
    old = [x for x in server.sessions if x.began is None or x.began <= before.since]
    changed = [*_changes(server, before, counted), *_writes(server, before, written)]
    quiet = now if old or changed or server.is_pooled else before.quiet
    reasons = [*_sessions(old, now), *changed]
    if server.is_pooled:
        reasons.append("who is behind the pooler that this connection goes through cannot be seen")
    left = quiet_time / 1000 - (now - quiet)
    if left > 0:
        reasons.append(f"nothing of old code was seen for {told(now - quiet)} of {told(quiet_time / 1000)}")
    seen = Seen(before.since, quiet, now, server.started, server.reset, counted, written)
    return Verdict(seen, tuple(reasons))


def _changes(server: Server, before: Seen, counted: int | None) -> list[str]:
    """Return what has been done since the last look, or makes that look useless."""
    ago = f"since the last look, {told(server.now - before.at)} ago"
    if server.started != before.started:
        return [f"the server was started {told(server.now - server.started)} ago, or is another one"]
    if counted is None or before.counted is None:
        return []
    if server.reset != before.reset or counted < before.counted:
        return [f"the server's statistics were reset {ago}"]
    return [f"the table was used {ago}"] if counted != before.counted else []


def _writes(server: Server, before: Seen, written: int | None) -> list[str]:
    """Return what the column's counter says. A counter that fell, or is missing, has been restored or made again."""
    if before.written is None or written == before.written:
        return []
    ago = f"since the last look, {told(server.now - before.at)} ago"
    if written is None or written < before.written:
        return [f"the counter of what old code writes was reset or taken away {ago}"]
    return [f"old code wrote the column {written - before.written} times {ago}"]


def _sessions(old: Sequence[OldSession], now: float) -> list[str]:
    if not old:
        return []
    named = "; ".join(_session(x, now) for x in old[:NAMED])
    more = f" and {len(old) - NAMED} more" if len(old) > NAMED else ""
    hidden = " (GRANT pg_read_all_stats to this role to see their age)" if any(x.began is None for x in old) else ""
    return [f"sessions from before the change are there: {named}{more}{hidden}"]


def _session(session: OldSession, now: float) -> str:
    name = printable(session.application) or "no application_name"
    age = "of unknown age" if session.began is None else f"since {told(now - session.began)}"
    return f"{name}, role {printable(session.role)}, pid {session.pid}, {age}"


def told(seconds: float) -> str:
    """Format a duration for people."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{max(seconds, 0):.0f} s"
