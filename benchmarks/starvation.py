"""How a foreign key gets its two tables where clients lock them in both orders, one transaction after the other.

python -m benchmarks.starvation [--rounds 5] [--limit 60]

Eight clients without a pause, each in transactions of two updates: all write to one table first, or four of them to the
other. The rows are each client's own, so that they never wait for each other. LOCK_TIMEOUT is 2 s, deadlock_timeout is
1 s. A stall is the time over 20 ms that a client waited for one query; errors are those of clients, such as a deadlock.
"""

from __future__ import annotations

import argparse
import random
import sys
import threading
import time
from statistics import median
from typing import Any

import django
import psycopg
from django.conf import settings
from django.db import OperationalError, connection, migrations, models
from django.db.migrations.state import ProjectState

from servers import launch

from .beside import clients as clients_beside
from .beside import work_until_told

CLIENTS = 8
ROWS = 1000
NOTICED = 0.02
#: One in so many clients writes to the second table first.
TRAFFIC = {"one order": 0, "both orders": 2}
TABLES = ("busy_first", "busy_second")
ID = ("id", models.BigAutoField(primary_key=True))


def client(url: str, number: int, backwards: bool, stop: threading.Event, seen: list[float], errors: list[str]) -> None:
    dice = random.Random(number)
    tables = TABLES[::-1] if backwards else TABLES
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as session:
        while not stop.is_set():
            try:
                session.execute("BEGIN")
                for table in tables:
                    began = time.monotonic()
                    row = number * ROWS + dice.randint(1, ROWS)
                    session.execute(f"UPDATE {table} SET n = n + 1 WHERE id = %s", (row,))
                    seen.append(time.monotonic() - began)
                session.execute("COMMIT")
            except psycopg.Error as error:
                errors.append(str(error))
                session.rollback()


def clients() -> None:
    """The process of the clients: traffic until its standard input ends, then what they saw."""
    url, traffic = sys.argv[2:]
    every = TRAFFIC[traffic]
    stop, seen, errors = threading.Event(), list[float](), list[str]()
    for number in range(CLIENTS):
        backwards = bool(every) and number % every == 0
        threading.Thread(target=client, args=(url, number, backwards, stop, seen, errors), daemon=True).start()
    work_until_told(stop, lambda: [seen, errors])


def measure(url: str, traffic: str) -> dict[str, float]:
    attempts = 0

    def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal attempts
        attempts += "FOREIGN KEY" in sql
        return execute(sql, params, many, context)

    with clients_beside("benchmarks.starvation", url, traffic) as found:
        began = time.monotonic()
        done = True
        with connection.execute_wrapper(count):
            try:
                add_key()
            except OperationalError:
                done = False
        seconds = time.monotonic() - began
    ((seen, errors),) = found
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE busy_first DROP COLUMN IF EXISTS other_id")
    stalls = [one for one in seen if one > NOTICED]
    return {
        "done": done,
        "seconds": seconds,
        "attempts": attempts,
        "longest": max(seen) * 1000,
        "stalled": sum(stalls),
        "errors": len(errors),
    }


def add_key() -> None:
    state = ProjectState()
    for name in ("first", "second"):
        migrations.CreateModel(name, [ID, ("n", models.IntegerField())]).state_forwards("busy", state)
    after = state.clone()
    key = models.ForeignKey("busy.second", models.CASCADE, null=True, db_index=False)
    operation = migrations.AddField("first", "other", key)
    operation.state_forwards("busy", after)
    with connection.schema_editor() as editor:
        operation.database_forwards("busy", editor, state, after)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.starvation")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--limit", type=int, default=60, help="LOCK_RETRY_TIMEOUT in seconds")
    chosen = parser.parse_args()
    with launch.server(options={"deadlock_timeout": "1s"}) as server:
        engine = "django_zero_downtime_migrations.backends.postgres"
        port = server.url.rpartition(":")[2].partition("/")[0]
        database = {"ENGINE": engine, "NAME": "postgres", "USER": "postgres", "HOST": "127.0.0.1", "PORT": port}
        settings.configure(
            DATABASES={"default": database},
            ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT="2s",
            ZERO_DOWNTIME_MIGRATIONS_STATEMENT_TIMEOUT="3s",
            ZERO_DOWNTIME_MIGRATIONS_LOCK_RETRY_TIMEOUT=f"{chosen.limit}s",
        )
        django.setup()
        with connection.cursor() as cursor:
            for table in TABLES:
                cursor.execute(f"CREATE TABLE {table} (id bigint PRIMARY KEY, n int)")
                cursor.execute(f"INSERT INTO {table} SELECT n, 0 FROM generate_series(1, {CLIENTS * ROWS}) n")
        for traffic in TRAFFIC:
            runs = [measure(server.url, traffic) for _ in range(chosen.rounds)]
            print(f"\n{traffic}: {sum(run['done'] for run in runs):.0f} of {len(runs)} done")
            for name in list(runs[0])[1:]:
                values = [run[name] for run in runs]
                print(f"  {name:<10}{median(values):10.2f}  ({min(values):.2f} to {max(values):.2f})", flush=True)


if __name__ == "__main__":
    clients() if sys.argv[1:2] == ["clients"] else main()
