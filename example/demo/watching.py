"""The server's record: which files a migration replaced, and which locks it held or waited for, and how long."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field

from django.db import Error, connections

SAMPLE_SECONDS = 0.01

FILES = """
SELECT c.oid, coalesce(t.relname, c.relname), c.relname, c.relkind::text, c.relfilenode
FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid LEFT JOIN pg_class t ON t.oid = i.indrelid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'i')
"""

# The modes that conflict with what SELECT, INSERT, UPDATE and DELETE take. Our own tables, such as the journal, have no
# traffic.
LOCKS = """
SELECT c.relname, l.mode, l.granted FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
WHERE l.pid = %s AND l.locktype = 'relation' AND c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
AND c.relname NOT LIKE 'zero\\_downtime\\_migrations\\_%%'
AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
"""

MODES = {
    "ShareLock": "SHARE",
    "ShareRowExclusiveLock": "SHARE ROW EXCLUSIVE",
    "ExclusiveLock": "EXCLUSIVE",
    "AccessExclusiveLock": "ACCESS EXCLUSIVE",
}


@dataclass(frozen=True, slots=True)
class File:
    """A table or index and the file that holds it."""

    table: str
    name: str
    kind: str
    node: int


def files(alias: str) -> dict[int, File]:
    with connections[alias].cursor() as cursor:
        cursor.execute(FILES)
        return {oid: File(*rest) for oid, *rest in cursor.fetchall()}


def differences(before: dict[int, File], after: dict[int, File]) -> list[str]:
    """Return what became of the tables that were there before, and of their indexes."""
    tables = {file.table for file in before.values() if file.kind == "r"}
    names = {file.name for file in before.values()}
    # PostgreSQL may rebuild a dependent index under the same name, and hand it the file of the old one: no work then.
    nodes = {file.node for file in before.values()}
    found = []
    for oid, file in after.items():
        if file.node in nodes:
            continue
        if file.kind == "r" and oid in before:
            found.append(f"TABLE REWRITTEN: {file.name}")
        elif file.kind == "i" and file.table in tables:
            found.append(f"{'INDEX REBUILT' if file.name in names else 'index built'}: {file.name}")
    return sorted(found)


@dataclass
class LockTimes:
    """Seconds by (table, mode), as far as a look every few milliseconds shows them."""

    held: dict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))
    waited: dict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))

    def lines(self) -> list[str]:
        """Each table once, with the lock that was held or waited for longest."""
        longest: dict[str, tuple[float, float, str]] = {}
        for table, mode in {*self.held, *self.waited}:
            held, waited = self.held.get((table, mode), 0.0), self.waited.get((table, mode), 0.0)
            longest[table] = max(longest.get(table, (0.0, 0.0, mode)), (held, waited, mode))
        lines = []
        for table, (held, waited, mode) in sorted(longest.items(), key=lambda item: item[1], reverse=True):
            wait = f", after waiting {waited:.2f} s for it" if waited >= 2 * SAMPLE_SECONDS else ""
            amount = f"held {held:.2f} s" if held >= 2 * SAMPLE_SECONDS else "held briefly"
            lines.append(f"{MODES[mode]} on {table} {amount}{wait}")
        return lines


class LockWatch(threading.Thread):
    """Looks at the locks of one server process while the `with` block runs."""

    def __init__(self, alias: str, pid: int) -> None:
        super().__init__(daemon=True)
        self.alias = alias
        self.pid = pid
        self.times = LockTimes()
        self.stopped = threading.Event()

    def __enter__(self) -> LockTimes:
        self.start()
        return self.times

    def __exit__(self, *exc_info: object) -> None:
        self.stopped.set()
        self.join()

    def run(self) -> None:
        # A server that is being stopped ends the watch; the migration itself reports it.
        with suppress(Error):
            self.watch()
        connections[self.alias].close()

    def watch(self) -> None:
        before = time.monotonic()
        with connections[self.alias].cursor() as cursor:
            while not self.stopped.wait(SAMPLE_SECONDS):
                cursor.execute(LOCKS, [self.pid])
                now = time.monotonic()
                for table, mode, granted in cursor.fetchall():
                    (self.times.held if granted else self.times.waited)[table, mode] += now - before
                before = now
