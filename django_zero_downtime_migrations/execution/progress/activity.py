"""The activity of one server process, as the server reports it and in words."""

from __future__ import annotations

import json
import re

from ...django_types import Session
from ...locks import Blocker
from ...naming import relation
from ...printable import printable
from ...record import Row
from ...sizes import readable
from ..locks.blockers import QUERY, briefly

#: Characters of a step's SQL in a line.
NAME = 80
# pg_blocking_pids() holds up the server's lock table, so only a waiting process is asked about. It returns 0 for a
# prepared transaction, and the locks on the table tell which one it is.
_ASK = """
SELECT
    p.phase, p.blocks_done, p.blocks_total, p.tuples_done, p.tuples_total,
    p.partitions_done, p.partitions_total, p.lockers_done, p.lockers_total,
    pg_catalog.current_setting('block_size')::int,
    (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(
        w.pid, coalesce(b.usename, w.owner), b.application_name, pg_catalog.host(b.client_addr),
        b.backend_type, b.state, w.gid,
        pg_catalog.floor(
            extract(epoch FROM pg_catalog.clock_timestamp() - coalesce(b.xact_start, w.prepared)) * 1000::numeric
        ), NULL, NULL,
        b.query LIKE 'autovacuum:%%(to prevent wraparound)%%',
        CASE WHEN %s THEN pg_catalog.left(b.query, %s) END
     ) ORDER BY coalesce(b.xact_start, w.prepared) NULLS FIRST, w.pid)::pg_catalog.text
     FROM (
        SELECT DISTINCT nullif(pid, 0), p.gid, p.owner, p.prepared
        FROM pg_catalog.unnest(pg_catalog.pg_blocking_pids(a.pid)) pid LEFT JOIN pg_catalog.pg_prepared_xacts p
        ON pid = 0 AND EXISTS (
            SELECT FROM pg_catalog.pg_locks ours JOIN pg_catalog.pg_locks theirs USING (database, relation)
            JOIN pg_catalog.pg_locks itself ON itself.virtualtransaction = theirs.virtualtransaction
            WHERE ours.pid = a.pid AND theirs.pid IS NULL AND itself.transactionid = p.transaction
        )
        -- A build may wait for the snapshot of this very question.
        WHERE pid <> pg_catalog.pg_backend_pid()
     ) AS w(pid, gid, owner, prepared)
     LEFT JOIN pg_catalog.pg_stat_activity b ON b.pid = w.pid
     WHERE a.wait_event_type = 'Lock')
FROM pg_catalog.pg_stat_activity a LEFT JOIN pg_catalog.pg_stat_progress_create_index p ON p.pid = a.pid
WHERE a.pid = %s
"""
_SIZE = f"""
WITH RECURSIVE tree(oid) AS (
    SELECT {relation("%s::pg_catalog.text")}
    UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN tree ON i.inhparent = tree.oid
)
SELECT pg_catalog.sum(pg_catalog.pg_table_size(oid)) FROM tree
"""


class Activity(Row):
    """A row of ``pg_stat_progress_create_index``, if there is one, and the sessions in the way."""

    phase: str | None = None
    blocks_done: int | None = None
    blocks_total: int | None = None
    tuples_done: int | None = None
    tuples_total: int | None = None
    partitions_done: int | None = None
    partitions_total: int | None = None
    lockers_done: int | None = None
    lockers_total: int | None = None
    block_size: int = 8192
    blockers: tuple[Blocker, ...] = ()


def ask(session: Session, pid: int, queries: bool) -> Activity | None:
    """Return what a server process is doing; None if it is gone or does not answer soon.

    :param session: a connection of the driver.
    :param queries: also return what the sessions in the way are running.
    """
    row = briefly(session, _ASK, [queries, QUERY, pid])
    if row is None:
        return None
    *numbers, blockers = row
    return Activity._make([*numbers, tuple(Blocker(*x) for x in json.loads(blockers or "[]"))])


def size_of(session: Session, table: str) -> int | None:
    """Return the size of a table with its partitions in bytes; None if the role cannot see it.

    :param table: its quoted name.
    """
    try:
        row = briefly(session, _SIZE, [table])
    except Exception as error:
        if session.closed:
            raise error
        return None
    return int(row[0]) if row and row[0] is not None else None


class Description:
    """One step in words. It remembers when a phase began, to estimate what is left of it.

    :param size: the size of the step's table in bytes.
    """

    def __init__(self, size: int | None = None) -> None:
        self.size = size
        self._phase: tuple[str | None, int | None] = (None, None)
        self._since = (0.0, 0)

    def of(self, activity: Activity, elapsed: float, now: float) -> str:
        """Describe the step.

        :param elapsed: seconds since the step began.
        :param now: seconds of a monotonic clock.
        """
        left = self._left(activity, now)
        parts = [
            activity.phase,
            _partitions(activity),
            _lockers(activity),
            self._amount(activity),
            duration(elapsed),
            f"about {duration(left)} left of this phase" if left is not None else None,
        ]
        waits = f". Waits for {'; '.join(map(str, activity.blockers))}" if activity.blockers else ""
        return printable(", ".join(filter(None, parts))) + waits

    def _amount(self, activity: Activity) -> str | None:
        counted = _counted(activity)
        if counted is None:
            return f"{readable(self.size)} in the table" if self.size is not None and not activity.phase else None
        done, total, unit = counted
        of = readable(total * activity.block_size) if unit == "blocks" else f"{total:,} {unit}"
        return f"{done * 100 // total} % of {of}"

    def _left(self, activity: Activity, now: float) -> float | None:
        """Return the seconds left, if the rest of the phase goes as fast as the part seen so far."""
        counted = _counted(activity)
        if counted is None:
            return None
        done, total, _ = counted
        if self._phase != (activity.phase, total):
            self._phase, self._since = (activity.phase, total), (now, done)
        before, first = self._since
        return (now - before) * (total - done) / (done - first) if done > first else None


def _counted(activity: Activity) -> tuple[int, int, str] | None:
    """Return what the phase counts. The view keeps the numbers of an earlier phase, so the phase's name decides."""
    if "scanning" in (activity.phase or "") and activity.blocks_total:
        return min(activity.blocks_done or 0, activity.blocks_total), activity.blocks_total, "blocks"
    if "loading tuples" in (activity.phase or "") and activity.tuples_total:
        return min(activity.tuples_done or 0, activity.tuples_total), activity.tuples_total, "rows"
    return None


def _partitions(activity: Activity) -> str | None:
    if not activity.partitions_total:
        return None
    return f"{activity.partitions_done or 0} of {activity.partitions_total} partitions done"


def _lockers(activity: Activity) -> str | None:
    if (activity.lockers_total or 0) < 2 or not (activity.phase or "").startswith("waiting"):
        return None
    return f"{activity.lockers_done or 0} of {activity.lockers_total} gone"


def name(sql: str) -> str:
    """Return ``CREATE INDEX CONCURRENTLY "by_title"``: what stands before an index's table, shortened."""
    text = printable(re.split(r" ON |;", sql, maxsplit=1)[0] if " INDEX " in sql else sql)
    return text if len(text) <= NAME else f"{text[: NAME - 1]}…"


def duration(seconds: float) -> str:
    whole = round(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"
