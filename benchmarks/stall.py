"""The effect of a migration on clients of a busy table, in one run: stock Django, the old package twice, and ours.

python -m benchmarks.stall [--quick] [--rounds 5] [--rows 1000000] [--json FILE] [--plot FILE]

Six clients read and write two related tables in short transactions, with pauses, so that the machine is not saturated.
One operation at a time is migrated, on a copy of the same database: with a report that reads the tables and keeps its
transaction open for 5 s in every 8 s, begun half a second before the migration; and without one. The old package,
django-pg-zero-downtime-migrations, runs once with the timeouts that its documentation recommends, and once with a lock
timeout of 200 ms, again and again until it succeeds or 20 s are over.

The exit code is 1 when ours is above one of the limits that are printed at the end. Ctrl-C prints what is there so far.
The server keeps its data in memory and does not sync (`--fsync`: on disk, with fsync). Parallel workers and autovacuum
are off: both would take a processor or a lock at times of their own.
"""

from __future__ import annotations

import argparse
import json
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import django
import psycopg
from django.conf import settings

from servers import launch

from . import environments, fresh, stall_project
from .stall_figures import AGAIN, NOTHING, OURS, PG_ZERO_DOWNTIME, STOCK, TITLES, Results
from .stall_limits import verdict
from .stall_table import failures, one_line, table
from .stall_traffic import Contestant, Ground, Traffic

SERVER_SETTINGS = {
    "shared_buffers": "512MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "1h",
    "jit": "off",
    "autovacuum": "off",
    "max_parallel_workers_per_gather": "0",
    "max_parallel_maintenance_workers": "0",
}

RECOMMENDED: dict[str, str | bool] = {
    "LOCK_TIMEOUT": "2s",
    "STATEMENT_TIMEOUT": "2s",
    "FLEXIBLE_STATEMENT_TIMEOUT": True,
    "RAISE_FOR_UNSAFE": True,
}
LOCK_TIMEOUT = 2.0
AGAIN_SECONDS = 20.0
OUR_SETTINGS = RECOMMENDED | {"STATEMENT_TIMEOUT": "3s", "LOCK_RETRY_TIMEOUT": "60s"}
#: Without IDEMPOTENT_SQL a second run of that package would trip over what the first has done.
SETTINGS: dict[str, dict[str, str | bool]] = {
    STOCK: {},
    PG_ZERO_DOWNTIME: RECOMMENDED,
    AGAIN: RECOMMENDED | {"LOCK_TIMEOUT": "200ms", "IDEMPOTENT_SQL": True},
    OURS: OUR_SETTINGS,
}

QUICK: dict[str, Any] = {"rows": 100_000, "rounds": 1, "report_seconds": 3.0, "operations": list(stall_project.QUICK)}
FULL: dict[str, Any] = {
    "rows": 1_000_000,
    "rounds": 5,
    "report_seconds": 5.0,
    "operations": [one.name for one in stall_project.CHANGES],
}


def main() -> int:
    arguments = read_arguments()
    settings.configure()
    django.setup()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="stall-") as name:
        return benchmark(Path(name), arguments)


def read_arguments() -> argparse.Namespace:
    description = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stall", description=description)
    parser.add_argument("--quick", action="store_true", help="a minute: fewer rows and operations, a report of 3 s")
    parser.add_argument("--rows", type=int, help="in the table of orders (default: 1,000,000)")
    parser.add_argument("--rounds", type=int, help="(default: 5)")
    parser.add_argument("--operations", nargs="+", choices=FULL["operations"], metavar="NAME", help=names_of_all())
    parser.add_argument("--contestants", nargs="+", choices=list(SETTINGS), default=list(SETTINGS))
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--with-report", action="store_true", help="only with the report (default: with and without)")
    only.add_argument("--without-report", action="store_true", help="only without it")
    parser.add_argument("--report-seconds", type=float, help="how long a report is open (default: 5); 3/5 of it follow")
    parser.add_argument("--clients", type=int, default=6, help="half of them readers, half writers")
    parser.add_argument("--think", type=float, default=0.01, help="mean seconds between a client's transactions")
    parser.add_argument("--major", type=int, help="PostgreSQL version (default: the first binaries found)")
    parser.add_argument("--fsync", action="store_true", help="data on disk, synced as in production")
    parser.add_argument("--environments", type=Path, help="keep the virtual environments here and use them again")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--plot", type=Path, help="write a PNG to this file; needs benchmarks/requirements.txt")
    arguments = parser.parse_args()
    for name, value in (QUICK if arguments.quick else FULL).items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, value)
    return arguments


def names_of_all() -> str:
    return f"of {', '.join(one.name for one in stall_project.CHANGES)}"


@dataclass
class Plan:
    """The runs to make, in this order: the contestants take turns, so that a slow minute hits all of them."""

    rounds: int
    modes: list[bool]
    operations: list[str]
    contestants: list[str]

    def __iter__(self) -> Iterator[tuple[int, bool, str, str]]:
        for number in range(self.rounds):
            turn = number % len(self.contestants)
            for report in self.modes:
                yield number, report, NOTHING, NOTHING
                for operation in self.operations:
                    for contestant in [*self.contestants[turn:], *self.contestants[:turn]]:
                        yield number, report, operation, contestant

    def __len__(self) -> int:
        return self.rounds * len(self.modes) * (1 + len(self.operations) * len(self.contestants))


def benchmark(folder: Path, arguments: argparse.Namespace) -> int:
    began = time.monotonic()
    contestants = make_contestants(folder, arguments)
    stall_project.write(folder / "project")
    modes = [report for report in (True, False) if not (arguments.without_report if report else arguments.with_report)]
    plan = Plan(arguments.rounds, modes, arguments.operations, arguments.contestants)
    results = Results(
        [],
        {one.name: one.title for one in stall_project.CHANGES},
        frozenset(one.name for one in stall_project.CHANGES if one.short),
        "partitions",
        LOCK_TIMEOUT,
    )
    memory = not arguments.fsync
    stopped = 0
    with launch.server(arguments.major, fsync=not memory, in_memory=memory, options=SERVER_SETTINGS) as server:
        subtitle = describe(server.major, contestants, arguments)
        minutes = expected(plan, arguments.report_seconds)
        print(f"{subtitle}\n{len(plan)} runs, roughly {minutes:.0f} minutes", flush=True)
        traffic = Traffic(arguments.rows, arguments.clients, arguments.think, arguments.report_seconds)
        try:
            measure(Ground(server.url, folder / "project", traffic), plan, contestants, results)
        except (KeyboardInterrupt, RuntimeError, psycopg.Error) as error:
            stopped = 130 if isinstance(error, KeyboardInterrupt) else 2
            print(f"\nStopped: {str(error) or 'Ctrl-C'}\nThis is what there is so far.")
        finally:
            if arguments.json:
                write_json(arguments.json, results, subtitle, arguments)
    show(results, modes)
    print(f"\n{subtitle}; {(time.monotonic() - began) / 60:.0f} minutes")
    found = list(verdict(results))
    print("\n".join(found))
    if arguments.plot and results.runs:
        from . import stall_plot

        stall_plot.draw(results, subtitle, arguments.plot)
    return stopped or int(any(one.startswith("FAIL") for one in found))


def measure(ground: Ground, plan: Plan, contestants: dict[str, Contestant], results: Results) -> None:
    """Run the plan; what there is stays in the results when it is interrupted."""
    ground.prepare(contestants[STOCK])
    for number, (turn, report, operation, contestant) in enumerate(plan, 1):
        results.runs.append(ground.run(turn, report, operation, contestants.get(contestant)))
        title = results.titles.get(operation, f"round {turn + 1}")
        print(f"[{number}/{len(plan)}] {one_line(title, results.runs[-1])}", flush=True)


def make_contestants(folder: Path, arguments: argparse.Namespace) -> dict[str, Contestant]:
    kept = (arguments.environments or folder / "environments").resolve()
    wanted = {PG_ZERO_DOWNTIME, AGAIN} & {*arguments.contestants}
    by_name = {one.name: one for one in fresh.make_contestants(folder, kept, bool(wanted))}
    of = {STOCK: "stock", PG_ZERO_DOWNTIME: "pg-zero-downtime", AGAIN: "pg-zero-downtime", OURS: "ours"}
    return {
        name: Contestant(name, by_name[of[name]], SETTINGS[name], AGAIN_SECONDS if name == AGAIN else 0.0)
        for name in SETTINGS
        if of[name] in by_name
    }


def describe(major: int, contestants: dict[str, Contestant], arguments: argparse.Namespace) -> str:
    old_package = ""
    if PG_ZERO_DOWNTIME in contestants:
        version = environments.version(contestants[PG_ZERO_DOWNTIME].side.python, environments.PG_ZERO_DOWNTIME)
        old_package = f", {environments.PG_ZERO_DOWNTIME} {version}"
    return (
        f"PostgreSQL {major}, Django {django.get_version()}, Python {platform.python_version()}{old_package}; "
        f"{arguments.rows:,} rows, {arguments.clients} clients, report of {arguments.report_seconds:g} s, "
        f"{arguments.rounds} round{'s' * (arguments.rounds > 1)}, fsync {'on' if arguments.fsync else 'off'}"
    )


def expected(plan: Plan, report_seconds: float) -> float:
    """Minutes, from experience: starting and stopping, then the migration."""
    seconds = 30.0
    for _, report, operation, contestant in plan:
        gives_up = contestant == PG_ZERO_DOWNTIME or operation == NOTHING
        seconds += 2.2 + ((min(2.3, report_seconds) if gives_up else report_seconds) if report else 0.8)
    return seconds / 60


def show(results: Results, modes: list[bool]) -> None:
    for report in modes:
        if any(run.report == report for run in results.runs):
            print("\n".join(table(results, report)))
    print(*failures(results), sep="\n")
    calm = [run for run in results.runs if run.contestant == NOTHING]
    if calm and (noise := max(run.longest for run in calm)) > 0.02:
        print(f"\nThis machine was not quiet: without any migration a query took {1000 * noise:.0f} ms.")


def write_json(path: Path, results: Results, subtitle: str, arguments: argparse.Namespace) -> None:
    plain: dict[str, Any] = {
        "subtitle": subtitle,
        "arguments": {name: value for name, value in vars(arguments).items() if not isinstance(value, Path)},
        "settings": {TITLES[name]: value for name, value in SETTINGS.items()},
        "titles": results.titles,
        "short": sorted(results.short),
        "partitions": results.partitions,
        "lock_timeout": results.lock_timeout,
        "limits": list(verdict(results)),
        "runs": [asdict(run) for run in results.runs],
    }
    path.write_text(json.dumps(plain, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
