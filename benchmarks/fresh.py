"""``migrate`` on an empty database: stock Django, ours with and without IDEMPOTENT_SQL, and the old package
(django-pg-zero-downtime-migrations).

python -m benchmarks.fresh [--rounds 5] [--cases contrib wagtail generated] [--json FILE]

Every measurement is a new process on a new database and covers ``call_command("migrate")`` alone. The exit code is 1
when ours is above the limits: 1.06 x stock in wall time or 1.05 x in queries, another schema than stock, or an import
that takes 15 ms longer than Django's own engine. A case of a fraction of a second gets three times the rounds,
since every moment that the machine spends on something else shows in it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import django
from django.conf import settings

from servers import launch

from . import environments, projects

try:
    import psycopg as driver
except ImportError:
    import psycopg2 as driver  # type: ignore[no-redef]

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "django_zero_downtime_migrations"
STOCK_ENGINE, OUR_ENGINE = "django.db.backends.postgresql", f"{PACKAGE}.backends.postgres"
ONE_RUN = (Path(__file__).parent / "one_run.py").read_text()
IMPORT = "import time; t = time.process_time(); import {}.base; print(time.process_time() - t)"
FIGURES = ("wall", "client_cpu", "server_cpu", "queries", "commits")
HEADER = "             wall s  client s  server s  queries  commits   x stock: wall paired queries"
#: In multiples of stock's.
LIMITS = {"wall": 1.06, "queries": 1.05}
#: Settings by the name of the contestant.
OURS: dict[str, dict[str, Any]] = {"ours": {}, "no_journal": {"IDEMPOTENT_SQL": False}}
IMPORT_LIMIT = 0.015


@dataclass
class Contestant:
    """A contestant.

    :param path: what it needs on ``PYTHONPATH``.
    :param settings: the database's own, in ``DATABASES``.
    """

    name: str
    engine: str
    python: Path
    path: Path | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    def run(self, code: str, folder: Path | None = None, **variables: str) -> str:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DJANGO"))}
        environment |= {"PYTHONPATH": str(self.path)} if self.path else {}
        command = [str(self.python), "-c", code]
        done = subprocess.run(command, env=environment | variables, cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{self.name} failed:\n{done.stderr}")
        return done.stdout


@dataclass
class Result:
    """One project on one server: the figures of every round by contestant."""

    case: str
    fsync: bool
    rounds: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    same_schema: dict[str, bool] = field(default_factory=dict)

    def median(self, name: str, figure: str) -> float:
        return median(one[figure] for one in self.rounds[name])

    def ratio(self, name: str, figure: str) -> float:
        return self.median(name, figure) / self.median("stock", figure)

    def paired(self, name: str) -> float:
        """The median of the rounds' own ratios: what slows the machine down for a while slows both."""
        pairs = zip(self.rounds[name], self.rounds["stock"], strict=True)
        return median(one["wall"] / stock["wall"] for one, stock in pairs)

    @property
    def failures(self) -> Iterator[str]:
        where = f"{self.case}, fsync {'on' if self.fsync else 'off'}"
        for figure, limit in LIMITS.items():
            if self.ratio("ours", figure) > limit:
                yield f"{where}: {self.ratio('ours', figure):.3f} x stock in {figure}"
        for name in OURS:
            if not self.same_schema[name]:
                yield f"{where}, {name}: another schema than stock"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fresh", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cases", nargs="+", choices=list(projects.CASES), default=list(projects.CASES))
    parser.add_argument("--fsync", choices=("on", "off"), help="only a server with fsync on, or off (default: both)")
    parser.add_argument("--major", type=int, help="PostgreSQL version (default: the first binaries found)")
    parser.add_argument("--without-old-package", action="store_true")
    parser.add_argument("--environments", type=Path, help="keep the virtual environments here and use them again")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    arguments = parser.parse_args()
    settings.configure()
    django.setup()
    with tempfile.TemporaryDirectory(prefix="fresh-") as name:
        return benchmark(Path(name), arguments)


def benchmark(folder: Path, arguments: argparse.Namespace) -> int:
    kept = (arguments.environments or folder / "environments").resolve()
    contestants = list(make_contestants(folder, kept, not arguments.without_old_package))
    stock, ours = contestants[:2]
    versions = {
        "Python": platform.python_version(),
        "Django": django.get_version(),
        "wagtail": environments.version(stock.python, "wagtail"),
        driver.__name__: driver.__version__,
    }
    results = []
    for case in arguments.cases:
        projects.write(case, folder / case)
    for fsync in (True, False):
        if arguments.fsync in (None, "on" if fsync else "off"):
            with launch.server(arguments.major, fsync=fsync) as server:
                versions["PostgreSQL"] = str(server.major)
                for case in arguments.cases:
                    results.append(measure(server, folder / case, fsync, contestants, arguments.rounds))
                    print_result(results[-1])
    imports = import_times(stock, ours)
    print(f"import of the engine: stock {imports[0] * 1000:.1f} ms, ours {imports[1] * 1000:+.1f} ms")
    print(", ".join(f"{name} {version}" for name, version in versions.items()), f"{arguments.rounds} rounds", sep=", ")
    if arguments.json:
        found = {"versions": versions, "import_seconds": imports, "results": [asdict(x) for x in results]}
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")
    failures = [failure for result in results for failure in result.failures]
    if imports[1] > IMPORT_LIMIT:
        failures.append(f"import: {imports[1] * 1000:.1f} ms longer than stock")
    print("\n".join(failures) if failures else "ours is within the limits")
    return 1 if failures else 0


def make_contestants(folder: Path, kept: Path, old_package: bool) -> Iterator[Contestant]:
    plain = environments.make(kept / "plain", *environments.requirements())
    # A copy is used: the project's root would bring the tests along, and may be edited during the run.
    copied = shutil.copytree(ROOT / PACKAGE, folder / "ours" / PACKAGE)
    yield Contestant("stock", STOCK_ENGINE, plain)
    for name, zero_downtime in OURS.items():
        yield Contestant(name, OUR_ENGINE, plain, copied.parent, {"ZERO_DOWNTIME_MIGRATIONS": zero_downtime})
    if old_package:
        wanted = [*environments.requirements(), environments.PG_ZERO_DOWNTIME]
        yield Contestant("old_package", OUR_ENGINE, environments.make(kept / "old_package", *wanted))


def measure(server: launch.Server, folder: Path, fsync: bool, contestants: list[Contestant], rounds: int) -> Result:
    result = Result(folder.name, fsync, {one.name: [] for one in contestants})
    dumps: dict[str, str] = {}
    for number in range(rounds * projects.REPEATS.get(folder.name, 1)):
        turn = number % len(contestants)
        for one in [*contestants[turn:], *contestants[:turn]]:
            figures, dump = run_once(server, folder, one, dump=number == 0)
            result.rounds[one.name].append(figures)
            dumps[one.name] = dump or dumps[one.name]
    result.same_schema = {name: dump == dumps["stock"] for name, dump in dumps.items()}
    return result


def run_once(server: launch.Server, folder: Path, one: Contestant, dump: bool) -> tuple[dict[str, float], str]:
    name = f"fresh_{one.name}"
    url = urlsplit(server.url)
    parameters = {"ENGINE": one.engine, "NAME": name, "USER": "postgres", "HOST": url.hostname, "PORT": url.port}
    parameters |= one.settings
    with closing(driver.connect(server.url)) as session:
        session.autocommit = True
        run(session, f"CREATE DATABASE {name}")
        # What the last measurement left to be written is not this one's work.
        run(session, "CHECKPOINT")
        try:
            printed = one.run(
                ONE_RUN, folder, DATABASE=json.dumps(parameters), DJANGO_SETTINGS_MODULE="project_settings"
            )
            figures: dict[str, float] = json.loads(printed.splitlines()[-1])
            [[commits]] = run(session, f"SELECT xact_commit FROM pg_stat_database WHERE datname = '{name}'")
            figures["commits"] = commits
            text = launch.pg_dump(server.url.rpartition("/")[0] + f"/{name}", "--schema-only") if dump else ""
        finally:
            run(session, f"DROP DATABASE {name} WITH (FORCE)")
    return figures, text


def run(session: Any, sql: str) -> list[tuple[Any, ...]]:
    with session.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall()) if cursor.description else []


def import_times(stock: Contestant, ours: Contestant, rounds: int = 15) -> tuple[float, float]:
    """Processor seconds for Django's engine, and what ours takes longer; in fresh interpreters, alternating."""
    taken: dict[str, list[float]] = {stock.name: [], ours.name: []}
    for _ in range(rounds):
        for one in (stock, ours):
            taken[one.name].append(float(one.run(IMPORT.format(one.engine))))
    of_stock = median(taken[stock.name])
    return of_stock, median(taken[ours.name]) - of_stock


def print_result(result: Result) -> None:
    print(f"\n{result.case}, fsync {'on' if result.fsync else 'off'}")
    print(HEADER)
    for name in result.rounds:
        wall, client, server, queries, commits = (result.median(name, figure) for figure in FIGURES)
        ratios = f"{result.ratio(name, 'wall'):16.2f}{result.paired(name):7.2f}{result.ratio(name, 'queries'):8.2f}"
        schema = "" if result.same_schema[name] else "  schema differs"
        figures = f"{wall:9.3f}{client:10.3f}{server:10.3f}{queries:9.0f}{commits:9.0f}"
        print(f"{name:10}{figures}{ratios}{schema}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
