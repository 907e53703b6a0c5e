"""``AutoField`` becomes ``BigAutoField`` on a table in use: stock Django, and ours with ONLINE_TYPE_CHANGES.

python -m benchmarks.online [--rows 1000000] [--rounds 5] [--major 18] [--json FILE]

The table has a key, an index and a UNIQUE constraint; no other one refers to it. Four clients, a transaction of five
statements every 20 ms, begin before the migration and go on after it; the longest of their transactions in the same
time without a migration is what is idle. The contestants take turns, each on a copy of the same database. The exit code
is 1 when a client gets an error or a limit is not kept.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from servers import launch

from .beside import clients as clients_beside
from .beside import work_until_told
from .fresh import OUR_ENGINE, ROOT, STOCK_ENGINE, Contestant
from .projects import SETTINGS

CLIENTS, THINK = 4, 0.02
#: A transaction is held up from so much on over the longest idle one.
NOTICED = 0.02
TABLE = """from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel("row", [
            ("id", models.AutoField(primary_key=True)),
            ("n", models.IntegerField(db_index=True)),
            ("code", models.CharField(max_length=20, unique=True)),
            ("note", models.CharField(max_length=60)),
        ])
    ]
"""
CHANGE = """from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("online", "0001_table")]
    operations = [migrations.AlterField("row", "id", models.BigAutoField(primary_key=True))]
"""
MIGRATE = """import django
django.setup()
from django.core.management import call_command
call_command("migrate", "online", {name!r}, verbosity=0)
"""
FILL = """
INSERT INTO online_row (n, code, note)
SELECT n % 1000, 'code-' || n, repeat('x', 60) FROM generate_series(1, {rows}) n
"""
OURS = {
    "LOCK_TIMEOUT": "1s",
    "LOCK_RETRY_TIMEOUT": "10min",
    "STATEMENT_TIMEOUT": "2s",
    "FLEXIBLE_STATEMENT_TIMEOUT": True,
    "ONLINE_TYPE_CHANGES": True,
    "BACKFILL_LOAD": 1.0,
}
#: The longest transaction over the idle one, in seconds; and in parts of stock's. Time, WAL and size in multiples of
#: stock's.
LIMITS = {"over idle": 0.060, "of stock's": 0.01, "held up": 0.02, "time": 6.0, "wal": 3.6, "size": 1.2}


def client(url: str, rows: int, number: int, stop: threading.Event, seen: list[float], errors: list[str]) -> None:
    dice = random.Random(number)
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as session:
        for count in range(10**9):
            if stop.wait(THINK):
                return
            began, key = time.monotonic(), dice.randint(1, rows)
            try:
                with session.transaction():
                    session.execute("SELECT code FROM online_row WHERE id = %s", (key,))
                    session.execute("SELECT count(*) FROM online_row WHERE n = %s AND id < %s", (key % 1000, key % 500))
                    session.execute("UPDATE online_row SET n = %s WHERE id = %s", (key % 1000, key))
                    new = (key % 1000, f"{os.getpid()}-{number}-{count}", "y")
                    session.execute("INSERT INTO online_row (n, code, note) VALUES (%s, %s, %s) RETURNING id", new)
                    session.execute("SELECT note FROM online_row WHERE code = %s", (new[1],))
            except psycopg.Error as error:
                errors.append(str(error))
            seen.append(time.monotonic() - began)


def clients() -> None:
    """The process of the clients: traffic until its standard input ends, then what they saw."""
    url, rows = sys.argv[2:]
    stop, seen, errors = threading.Event(), list[float](), list[str]()
    threads = [
        threading.Thread(target=client, args=(url, int(rows), number, stop, seen, errors)) for number in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()

    def ended() -> dict[str, Any]:
        for thread in threads:
            thread.join()
        return {"seen": seen, "errors": errors}

    work_until_told(stop, ended)


def write(folder: Path) -> None:
    migrations = folder / "online" / "migrations"
    migrations.mkdir(parents=True)
    for module in (folder / "online" / "__init__.py", folder / "online" / "models.py", migrations / "__init__.py"):
        module.write_text("")
    (folder / "project_settings.py").write_text(SETTINGS.format(apps=["online"]))
    (migrations / "0001_table.py").write_text(TABLE)
    (migrations / "0002_change.py").write_text(CHANGE)


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
        self.contestants = [
            Contestant("stock", STOCK_ENGINE, python, ROOT),
            Contestant("online", OUR_ENGINE, python, ROOT, {"ZERO_DOWNTIME_MIGRATIONS": OURS}),
        ]

    def url(self, name: str) -> str:
        return f"{self.server.url.rpartition('/')[0]}/{name}"

    def admin(self, sql: str, name: str = "postgres") -> list[tuple[Any, ...]]:
        with closing(psycopg.connect(self.url(name), autocommit=True)) as session:
            done = session.execute(sql)
            return done.fetchall() if done.description else []

    def prepare(self) -> None:
        self.admin(f"CREATE DATABASE {self.template}")
        self.migrate(self.contestants[0], self.template, "0001_table")
        self.admin(FILL.format(rows=self.rows), self.template)
        self.admin("VACUUM ANALYZE online_row", self.template)

    def migrate(self, one: Contestant, name: str, migration: str) -> None:
        host, port = self.server.url.rpartition("@")[2].partition("/")[0].split(":")
        database = {"ENGINE": one.engine, "NAME": name, "USER": "postgres", "HOST": host, "PORT": port}
        variables = {"DATABASE": json.dumps(database | one.settings), "DJANGO_SETTINGS_MODULE": "project_settings"}
        one.run(MIGRATE.format(name=migration), self.folder, **variables)

    def once(self, one: Contestant) -> dict[str, float]:
        name = f"online_{one.name}"
        self.admin(f"CREATE DATABASE {name} TEMPLATE {self.template}")
        try:
            self.admin("CHECKPOINT")
            return self._measured(one, name)
        finally:
            self.admin(f"DROP DATABASE {name} WITH (FORCE)")

    def _measured(self, one: Contestant, name: str) -> dict[str, float]:
        wal, size = "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn", "SELECT pg_total_relation_size('online_row')"
        [(before,)] = self.admin(size, name)
        with clients_beside("benchmarks.online", self.url(name), str(self.rows)) as idle:
            time.sleep(5)
        [(start,)] = self.admin(wal)
        with clients_beside("benchmarks.online", self.url(name), str(self.rows)) as busy:
            began = time.monotonic()
            self.migrate(one, name, "0002_change")
            took = time.monotonic() - began
        [(end,)], [(after,)] = self.admin(wal), self.admin(size, name)
        quiet = max(idle[0]["seen"])
        if busy[0]["errors"] or idle[0]["errors"]:
            raise SystemExit(f"{one.name}: a client got an error: {[*busy[0]['errors'], *idle[0]['errors']][0]}")
        return {
            "idle": quiet,
            "longest": max(busy[0]["seen"]),
            "held up": sum(max(0.0, seen - quiet - NOTICED) for seen in busy[0]["seen"]),
            "time": took,
            "wal": float(end - start),
            "size": after / before,
        }


def broken(stock: dict[str, float], online: dict[str, float]) -> list[str]:
    """The limits that are not kept."""
    over = online["longest"] - online["idle"]
    found = {
        "over idle": over,
        "of stock's": online["longest"] / stock["longest"],
        "held up": online["held up"] / max(stock["held up"], 0.001),
        "time": online["time"] / stock["time"],
        "wal": online["wal"] / stock["wal"],
        "size": online["size"],
    }
    for name, value in found.items():
        print(f"{name:12}{value:9.3f}   limit {LIMITS[name]}")
    return [name for name, value in found.items() if value > LIMITS[name]]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.online", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--major", type=int, help="PostgreSQL version (default: the first binaries found)")
    parser.add_argument("--json", type=Path, help="write all rounds into this file")
    arguments = parser.parse_args()
    rounds: dict[str, list[dict[str, float]]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="online-") as name,
        launch.server(arguments.major, fsync=True) as server,
    ):
        write(Path(name))
        runs = Runs(server, Path(name), arguments.rows)
        runs.prepare()
        for number in range(arguments.rounds):
            for one in runs.contestants[:: -1 if number % 2 else 1]:
                rounds.setdefault(one.name, []).append(runs.once(one))
                print(one.name, {key: round(value, 3) for key, value in rounds[one.name][-1].items()}, flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(rounds, indent=1))
    middle = {name: {key: median(x[key] for x in found) for key in found[0]} for name, found in rounds.items()}
    print(f"\n{arguments.rows:,} rows, medians of {arguments.rounds} rounds")
    failures = broken(middle["stock"], middle["online"])
    print(f"not kept: {', '.join(failures)}" if failures else "every limit is kept")
    return 1 if failures else 0


if __name__ == "__main__":
    clients() if sys.argv[1:2] == ["clients"] else sys.exit(main())
