"""How short the first attempt at a lock should be, and which transactions are worth waiting for.

python -m benchmarks.ladder [--rounds 3]

A column is added to a table that clients use all the time: in transactions of some 15 ms, of 300 ms, or beside a report
that stays open for 4 s. LOCK_TIMEOUT is 2 s. A stall is the time over 20 ms that a client waited for one query.
"""

from __future__ import annotations

import argparse
import random
import sys
import threading
import time
from statistics import median
from typing import Any, NamedTuple

import django
import psycopg
from django.conf import settings
from django.db import connection, migrations, models
from django.db.migrations.state import ProjectState

from django_zero_downtime_migrations.execution.locks import acquire, limits
from servers import launch

from .beside import clients as clients_beside
from .beside import work_until_told

TRAFFIC = {"15 ms": (0.005, 0.025), "300 ms": (0.2, 0.4), "report": (0.005, 0.025)}
REPORT_SECONDS = 4.0
CLIENTS = 8
NOTICED = 0.02


class Variant(NamedTuple):
    """A variant.

    :param parts: of LOCK_TIMEOUT for the first attempt.
    :param old: in ms, when a transaction is waited for.
    """

    name: str
    parts: int
    old: float


VARIANTS = [
    Variant("queue at once, for all of LOCK_TIMEOUT", 1, float("inf")),
    *(Variant(f"look for 100 ms, 1/{parts} first", parts, 100) for parts in (4, 16, 64, 256)),
    *(Variant(f"look for {old} ms, 1/64 first", 64, old) for old in (20, 500)),
    Variant("never look, 1/64 first", 64, float("inf")),
]


def client(url: str, low: float, high: float, stop: threading.Event, seen: list[float]) -> None:
    dice = random.Random()
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as session:
        while not stop.is_set():
            began = time.monotonic()
            session.execute("BEGIN")
            session.execute("UPDATE busy_table SET n = n + 1 WHERE id = %s", (dice.randint(1, 10000),))
            seen.append(time.monotonic() - began)
            time.sleep(dice.uniform(low, high))
            session.execute("COMMIT")
            time.sleep(dice.uniform(0, low))


def clients() -> None:
    """The process of the clients: traffic until its standard input ends, then what they saw."""
    url, traffic = sys.argv[2:]
    stop, seen = threading.Event(), list[float]()
    for _ in range(CLIENTS):
        threading.Thread(target=client, args=(url, *TRAFFIC[traffic], stop, seen), daemon=True).start()
    if traffic == "report":
        session = psycopg.connect(url)
        session.execute("SELECT count(*) FROM busy_table")
        threading.Timer(REPORT_SECONDS, session.rollback).start()
    work_until_told(stop, lambda: seen[CLIENTS:])


def measure(url: str, variant: Variant, traffic: str) -> dict[str, float]:
    limits.PARTS, acquire.OLD = variant.parts, variant.old  # type: ignore[assignment]
    attempts = 0

    def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal attempts
        attempts += "ADD COLUMN" in sql
        return execute(sql, params, many, context)

    with clients_beside("benchmarks.ladder", url, traffic) as found:
        began = time.monotonic()
        with connection.execute_wrapper(count):
            add_column()
        seconds = time.monotonic() - began
    (seen,) = found
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE busy_table DROP COLUMN m")
    stalls = [one for one in seen if one > NOTICED]
    return {"longest": max(seen) * 1000, "stalled": sum(stalls), "seconds": seconds, "attempts": attempts}


def add_column() -> None:
    state = ProjectState()
    table = migrations.CreateModel(
        "table", [("id", models.BigAutoField(primary_key=True)), ("n", models.IntegerField())]
    )
    table.state_forwards("busy", state)
    after = state.clone()
    operation = migrations.AddField("table", "m", models.IntegerField(null=True))
    operation.state_forwards("busy", after)
    with connection.schema_editor() as editor:
        operation.database_forwards("busy", editor, state, after)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ladder", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    with launch.server() as server:
        engine = "django_zero_downtime_migrations.backends.postgres"
        port = server.url.rpartition(":")[2].partition("/")[0]
        database = {"ENGINE": engine, "NAME": "postgres", "USER": "postgres", "HOST": "127.0.0.1", "PORT": port}
        settings.configure(
            DATABASES={"default": database},
            ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT="2s",
            ZERO_DOWNTIME_MIGRATIONS_LOCK_RETRY_TIMEOUT="1min",
        )
        django.setup()
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE busy_table (id bigint PRIMARY KEY, n int)")
            cursor.execute("INSERT INTO busy_table SELECT n, 0 FROM generate_series(1, 10000) n")
        for traffic in TRAFFIC:
            print(f"\n{traffic:<42}longest ms  stalled s  seconds  attempts")
            for variant in VARIANTS:
                runs = [measure(server.url, variant, traffic) for _ in range(rounds)]
                longest, stalled, seconds, attempts = (median(run[name] for run in runs) for name in runs[0])
                print(f"{variant.name:<42}{longest:10.0f}{stalled:11.2f}{seconds:9.2f}{attempts:10.0f}", flush=True)


if __name__ == "__main__":
    clients() if sys.argv[1:2] == ["clients"] else main()
