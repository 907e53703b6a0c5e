"""A key becomes a bigint on a table in use: stock Django, a change by hand, and ours with ONLINE_TYPE_CHANGES.

python -m benchmarks.online [--rows 1000000 …] [--rounds 5] [--major 18] [--json FILE]

`AutoField` becomes `BigAutoField`; three tables refer to the key. Readers and writers, each at its own rate, begin
before the migration and go on after it; the longest of their transactions in the same time without a migration is what
is idle. The contestants take turns, each on a copy of the same database. By hand is what is often written for it: loops
over ranges of 5,000 ids without a pause, and a swap (`online_project.py`). The exit code is 1 when a client gets an
error from ours or a limit is not kept. With several numbers of rows it says how figures grow with them.
`python -m benchmarks.online_plot FILE PICTURE.svg` draws what the clients saw.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from servers import launch

from .beside import clients as clients_beside
from .fresh import OUR_ENGINE, ROOT, STOCK_ENGINE, Contestant
from .online_project import COLUMNS, ROWS, write

#: A transaction is held up from so much on over the longest idle one.
NOTICED = 0.02
TYPE_OF_A_KEY = (
    "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'online_line'::regclass "
    "AND attname = 'row_id'"
)
STOCK, BY_HAND, ONLINE = "stock", "by hand", "online"
#: It prints when each step began, and the time at the end.
MIGRATE = """import json, logging, time
import django
django.setup()
from django.core.management import call_command

steps = []


class Steps(logging.Handler):
    def emit(self, record):
        steps.append((record.created, record.getMessage()))


logger = logging.getLogger("django_zero_downtime_migrations")
logger.addHandler(Steps())
logger.setLevel("INFO")
logger.propagate = False
call_command("migrate", "online", {name!r}, verbosity=0)
print(json.dumps([*steps, (time.time(), "end")]))
"""
OURS = {
    "LOCK_TIMEOUT": "1s",
    "LOCK_RETRY_TIMEOUT": "10min",
    "STATEMENT_TIMEOUT": "2s",
    "FLEXIBLE_STATEMENT_TIMEOUT": True,
    "ONLINE_TYPE_CHANGES": True,
    "BACKFILL_LOAD": 1.0,
}
#: The longest transaction over the idle one and the longest wait of a reader at a swap, in seconds; the longest
#: transaction, and the sum of what held clients up, in parts of stock's; time and WAL in multiples of stock's, size in
#: multiples of what it was; rows a second of the fill in multiples of the loops by hand.
LIMITS = {
    "over idle": 0.060,
    "reader at a swap": 0.025,
    "of stock's": 0.01,
    "held up": 0.02,
    "time": 6.0,
    "wal": 3.6,
    "size": 1.2,
}
LEAST = {"rows/s": 0.9}
Round = dict[str, Any]


class Runs:
    """The runs.

    :ivar template: the name of the database that each run has a copy of.
    """

    template = "online_template"

    def __init__(self, server: launch.Server, folder: Path, rows: int) -> None:
        self.server = server
        self.folder = folder
        self.rows = rows
        python = Path(sys.executable)
        settings = {"ZERO_DOWNTIME_MIGRATIONS": OURS}
        self.contestants = {
            "with_django": [
                Contestant(STOCK, STOCK_ENGINE, python, ROOT),
                Contestant(ONLINE, OUR_ENGINE, python, ROOT, settings),
            ],
            "by_hand": [Contestant(BY_HAND, STOCK_ENGINE, python, ROOT)],
        }

    def __iter__(self) -> Iterator[tuple[str, Contestant]]:
        return ((project, one) for project, several in self.contestants.items() for one in several)

    def url(self, name: str) -> str:
        return f"{self.server.url.rpartition('/')[0]}/{name}"

    def admin(self, sql: str, name: str = "postgres") -> list[tuple[Any, ...]]:
        with closing(psycopg.connect(self.url(name), autocommit=True)) as session:
            done = session.execute(sql)
            return done.fetchall() if done.description else []

    def prepare(self) -> None:
        self.admin(f"CREATE DATABASE {self.template}")
        self.migrate("with_django", self.contestants["with_django"][0], self.template, "0001_tables")
        for sql in ROWS:
            self.admin(sql.format(rows=self.rows), self.template)
        self.admin("VACUUM ANALYZE", self.template)

    def migrate(self, project: str, one: Contestant, name: str, migration: str) -> str:
        host, port = self.server.url.rpartition("@")[2].partition("/")[0].split(":")
        database = {"ENGINE": one.engine, "NAME": name, "USER": "postgres", "HOST": host, "PORT": port}
        variables = {"DATABASE": json.dumps(database | one.settings), "DJANGO_SETTINGS_MODULE": "project_settings"}
        return one.run(MIGRATE.format(name=migration), self.folder / project, **variables)

    def once(self, project: str, one: Contestant) -> Round:
        name = f"online_{one.name.replace(' ', '_')}"
        self.admin(f"CREATE DATABASE {name} TEMPLATE {self.template}")
        try:
            self.admin("CHECKPOINT")
            return self._measured(project, one, name)
        finally:
            self.admin(f"DROP DATABASE {name} WITH (FORCE)")

    def _measured(self, project: str, one: Contestant, name: str) -> Round:
        wal = "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn"
        size = "SELECT " + " + ".join(f"pg_total_relation_size('{table}')" for table, _ in COLUMNS)
        [(before,)] = self.admin(size, name)
        traffic = ("benchmarks.online_clients", self.url(name), str(self.rows))
        with clients_beside(*traffic) as idle:
            time.sleep(5)
        [(start,)] = self.admin(wal)
        with clients_beside(*traffic) as busy:
            began = time.time()
            printed = self.migrate(project, one, name, "0002_change")
            took = time.time() - began
        [(end,)], [(after,)] = self.admin(wal), self.admin(size, name)
        [(kind,)] = self.admin(TYPE_OF_A_KEY, name)
        assert kind == "bigint", kind
        steps = [tuple(step) for step in json.loads(printed.splitlines()[-1])]
        figures = waits(idle[0], busy[0]) | {"time": took, "wal": float(end - start), "size": after / before}
        filled = fill_seconds(steps, printed)
        if filled is not None:
            figures["rows/s"] = self.rows * sum(COLUMNS.values()) / filled
        if one.name == ONLINE:
            figures["reader at a swap"] = at_swaps(busy[0]["readers"], steps)
        errors = {"errors": len(busy[0]["errors"]), "first error": next(iter(busy[0]["errors"]), "")}
        seen = {kind: [[at - began, wait] for at, wait in busy[0][kind]] for kind in ("readers", "writers")}
        return figures | errors | {"seen": seen, "steps": [(at - began, text) for at, text in steps]}


def waits(idle: dict[str, Any], busy: dict[str, Any]) -> dict[str, float]:
    """Return the seconds that clients noticed. Each kind of client is held against its own idle time."""
    found = {"over idle": 0.0, "longest": 0.0, "held up": 0.0}
    for kind in ("readers", "writers"):
        quiet = max(wait for _, wait in idle[kind])
        longest = max(wait for _, wait in busy[kind])
        found["longest"] = max(found["longest"], longest)
        found["over idle"] = max(found["over idle"], longest - quiet)
        found["held up"] += sum(max(0.0, wait - quiet - NOTICED) for _, wait in busy[kind])
    return found


def fill_seconds(steps: list[Any], printed: str) -> float | None:
    """The seconds in which rows were written in batches, from the step before; None for a way without batches."""
    if by_hand := re.search(r"^FILLED (.+)$", printed, re.M):
        return float(by_hand[1])
    return sum(end - at for (at, _), (end, text) in pairwise(steps) if " rows changed (SET " in text) or None


def at_swaps(readers: list[tuple[float, float]], steps: list[Any]) -> float:
    """The longest wait of a reader from just before a step that renames columns to the next step."""
    swaps = [(at, end) for (at, text), (end, _) in pairwise(steps) if "RENAME COLUMN" in text]
    if not swaps:
        raise SystemExit("No step of the log swaps two columns: are the tables large enough to be changed online?")
    return max((wait for at, wait in readers for begin, end in swaps if at + wait >= begin and at <= end), default=0.0)


def middle(rounds: list[Round]) -> dict[str, float]:
    return {key: median(x[key] for x in rounds) for key, value in rounds[0].items() if isinstance(value, float)}


def broken(found: dict[str, dict[str, float]]) -> list[str]:
    """Print the figures beside their limits, and return those that are not kept."""
    stock, by_hand, online = (found[name] for name in (STOCK, BY_HAND, ONLINE))
    ours = {
        "over idle": online["over idle"],
        "reader at a swap": online["reader at a swap"],
        "of stock's": online["longest"] / stock["longest"],
        "held up": online["held up"] / max(stock["held up"], 0.001),
        "time": online["time"] / stock["time"],
        "wal": online["wal"] / stock["wal"],
        "size": online["size"],
        "rows/s": online["rows/s"] / by_hand["rows/s"],
    }
    for name, value in ours.items():
        bound = f"at least {LEAST[name]}" if name in LEAST else f"at most {LIMITS[name]}"
        print(f"{name:18}{value:9.3f}   {bound}")
    over = [name for name, limit in LIMITS.items() if ours[name] > limit]
    return [*over, *(name for name, limit in LEAST.items() if ours[name] < limit)]


def measure(server: launch.Server, folder: Path, rows: int, rounds: int) -> dict[str, list[Round]]:
    found: dict[str, list[Round]] = {}
    runs = Runs(server, folder, rows)
    runs.prepare()
    for number in range(rounds):
        for project, one in list(runs)[:: -1 if number % 2 else 1]:
            found.setdefault(one.name, []).append(runs.once(project, one))
            last = found[one.name][-1]
            shown = {key: round(value, 3) for key, value in last.items() if isinstance(value, float)}
            print(f"{one.name}: {shown}, {last['errors']} errors of clients {last['first error']}", flush=True)
    runs.admin(f"DROP DATABASE {runs.template}")
    return found


def growth(results: dict[int, dict[str, dict[str, float]]]) -> None:
    print(f"\n{'rows':>12}" + "".join(f"{figure:>16}" for figure in ("time s", "WAL MB", "over idle ms", "stock ms")))
    for rows, found in results.items():
        online, stock = found[ONLINE], found[STOCK]
        figures = (online["time"], online["wal"] / 2**20, 1000 * online["over idle"], 1000 * stock["longest"])
        print(f"{rows:12,}" + "".join(f"{figure:16.1f}" for figure in figures))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.online", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--major", type=int, help="PostgreSQL version (default: the first binaries found)")
    parser.add_argument("--json", type=Path, help="write all rounds into this file")
    arguments = parser.parse_args()
    results: dict[int, dict[str, dict[str, float]]] = {}
    failures: list[str] = []
    everything: dict[int, dict[str, list[Round]]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="online-") as name,
        launch.server(arguments.major, fsync=True) as server,
    ):
        write(Path(name))
        for rows in arguments.rows:
            rounds = everything[rows] = measure(server, Path(name), rows, arguments.rounds)
            results[rows] = {contestant: middle(found) for contestant, found in rounds.items()}
            print(f"\n{rows:,} rows, PostgreSQL {server.major}, medians of {arguments.rounds} rounds")
            failures += broken(results[rows])
            failures += ["an error of a client" for x in rounds[ONLINE] if x["errors"]]
    if arguments.json:
        arguments.json.write_text(json.dumps(everything))
    if len(results) > 1:
        growth(results)
    print(f"not kept: {', '.join(failures)}" if failures else "every limit is kept")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
