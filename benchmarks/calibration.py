"""The figures from which ``check_migrations`` forecasts: rows a second, WAL and disk of each kind of long step.

python -m benchmarks.calibration [--rows 500000] [--major 18]

The steps are those of the engine itself, on a table of short rows and one of long ones without other traffic, with the
settings of the server as it comes, fsync included. What is printed belongs into ``judging/counted/calibration.py``.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.db import connection, migrations, models
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from servers import launch

from .fresh import OUR_ENGINE

SAFE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
BYTES = {"short": 40, "long": 400}
WAL = "SELECT pg_current_wal_insert_lsn() - '0/0'"
SIZES = "SELECT pg_total_relation_size('cost_row'), pg_table_size('cost_row')"
FILL = """
INSERT INTO cost_row (n, m, code, note)
SELECT n % 1000, n, 'code-' || n, repeat('x', {bytes}) FROM generate_series(1, {rows}) n
"""
TABLE = migrations.CreateModel(
    "row",
    [
        ("id", models.BigAutoField(primary_key=True)),
        ("n", models.IntegerField(db_index=True)),
        ("m", models.IntegerField()),
        ("new", models.IntegerField(null=True)),
        ("code", models.CharField(max_length=20)),
        ("note", models.TextField()),
    ],
)


def steps() -> dict[str, tuple[Operation, dict[str, Any]]]:
    """The operation of each kind of step, and the settings with which it is that kind."""
    from django_zero_downtime_migrations.operations import Backfill

    condition = models.Q(m__gt=0)
    # Django 5.1 has given the argument another name.
    named: dict[str, Any] = {"condition" if django.VERSION >= (5, 1) else "check": condition}
    return {
        "validation": (migrations.AddConstraint("row", models.CheckConstraint(name="m", **named)), {}),
        "index of integers": (migrations.AddIndex("row", models.Index(fields=["m"], name="by_m")), {}),
        "index of few values": (migrations.AddIndex("row", models.Index(fields=["n"], name="by_n")), {}),
        "index of texts": (migrations.AddIndex("row", models.Index(fields=["code"], name="by_code")), {}),
        "fill": (Backfill("row", {"new": 1}, where=models.Q(new=None)), {}),
        "rewrite": (migrations.AlterField("row", "new", models.BigIntegerField(null=True)), {}),
        "online": (migrations.AlterField("row", "m", models.BigIntegerField()), {"ONLINE_TYPE_CHANGES": True}),
    }


def one(sql: str) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return tuple(cursor.fetchone())


def measured(work: Callable[[], None]) -> tuple[float, int, int]:
    """Return the seconds, the WAL and the growth of the table in bytes."""
    (wal,), (size, _) = one(WAL), one(SIZES)
    began = time.monotonic()
    work()
    seconds = time.monotonic() - began
    return seconds, int(one(WAL)[0] - wal), int(one(SIZES)[0] - size)


def run(operation: Operation, state: ProjectState) -> ProjectState:
    migration = type("Migration", (migrations.Migration,), {"operations": [operation]})("0001", "cost")
    with connection.schema_editor() as editor:
        after: ProjectState = migration.apply(state.clone(), editor)
    return after


def measure(rows: int, kind: str) -> None:
    state = run(TABLE, ProjectState())
    with connection.cursor() as cursor:
        cursor.execute(FILL.format(rows=rows, bytes=BYTES[kind]))
        cursor.execute("VACUUM ANALYZE cost_row")
    print(
        f"{rows:,} {kind} rows, {one(SIZES)[0] / rows:.0f} bytes each with indexes, {one(SIZES)[1] / rows:.0f} without"
    )
    for name, (operation, wanted) in steps().items():
        settings.ZERO_DOWNTIME_MIGRATIONS_ONLINE_TYPE_CHANGES = bool(wanted)
        before, after = one(SIZES)[0], [state]
        seconds, wal, growth = measured(lambda operation=operation, after=after: after.append(run(operation, after[0])))  # type: ignore[misc]
        state = after[-1]
        print(
            f"  {name:20} {seconds:6.2f} s {rows / seconds:12,.0f} rows/s {before / seconds / 2**20:8.0f} MB/s"
            f"   WAL {wal / rows:6.0f} a row, {wal / before:5.2f} of the table"
            f"   growth {growth / rows:6.1f} a row, {growth / before:5.2f} of the table"
        )
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE cost_row")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--major", type=int, default=18)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with launch.server(options.major, options=SAFE) as server:
        url = urlsplit(server.url)
        database = {
            "ENGINE": OUR_ENGINE,
            "NAME": url.path[1:],
            "HOST": url.hostname,
            "PORT": url.port,
            "USER": url.username,
        }
        settings.configure(
            DATABASES={"default": database},
            INSTALLED_APPS=["django_zero_downtime_migrations"],
            ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE=False,
            ZERO_DOWNTIME_MIGRATIONS_BACKFILL_LOAD=1.0,
        )
        django.setup()
        for kind in BYTES:
            measure(options.rows, kind)
        connection.close()


if __name__ == "__main__":
    main()
