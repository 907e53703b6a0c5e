"""Real histories: all migrations of well-known packages, forwards and back, with stock Django and with ours.

python -m benchmarks.corpus [--projects wagtail oscar] [--runs one each] [--environments DIR] [--json FILE]

Each history goes from an empty database in one ``migrate``, and back with one for each app. Then again with a run for
each migration, forwards and back, so that the tables of earlier ones are in use and have a row. With stock Django and
with ours these have to be the same, or the exit code is 1: the schema after each run, ``pg_dump --schema-only`` when
everything is applied and when everything is taken back, ``django_migrations``, the rows, and Django's errors. Where
Django refuses to take a migration back, or stock Django fails on those rows, it is run without RunPython and RunSQL.

Each package is the newest, with the newest Django that it takes, but none newer than the one that runs this. What is
printed: seconds, and those of the client's processor in multiples of stock's; statements, and those of a safe sequence
(CONCURRENTLY, NOT VALID); findings of ours; and errors.
"""

from __future__ import annotations

import argparse
import difflib
import json
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from servers import launch

from . import environments
from .corpus_projects import PROJECTS
from .fresh import OUR_ENGINE, PACKAGE, ROOT, STOCK_ENGINE, Contestant, driver, run

DESCRIPTION = (ROOT / "tests" / "operations" / "description.sql").read_text()
CORPUS_RUN = (Path(__file__).parent / "corpus_run.py").read_text()
WAYS = ("forwards", "backwards")
RUNS = {"one": "in one run", "each": "a run for each migration"}
#: The README's settings; the timeout is longer, since the database has no other users and the machine may be busy.
SETTINGS = {
    "LOCK_TIMEOUT": "2s",
    "LOCK_RETRY_TIMEOUT": "10min",
    "STATEMENT_TIMEOUT": "60s",
    "FLEXIBLE_STATEMENT_TIMEOUT": True,
}
HEADER = "{:42} stock s   ours s  x stock  client  queries     ours  x stock  safe  findings  errors"
# Moments and random keys differ from run to run.
COLUMNS = """
SELECT c.oid::regclass::text, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attname)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
AND a.atttypid NOT IN ('timestamptz'::regtype, 'date'::regtype, 'uuid'::regtype)
GROUP BY c.oid ORDER BY c.relname
"""


class Half(NamedTuple):
    """One direction of a history on one engine.

    :param figures: what `corpus_run.py` printed.
    :param found: lines that have to be the same on both engines, by kind.
    """

    figures: dict[str, Any]
    found: dict[str, list[str]]


class Result(NamedTuple):
    """One history in both directions.

    :param ours: None when it failed.
    :param failure: how.
    """

    project: str
    runs: str
    versions: dict[str, str]
    stock: dict[str, Half]
    ours: dict[str, Half] | None
    failure: str

    @property
    def figures(self) -> dict[str, Any]:
        sides = {
            name: {way: half.figures for way, half in (halves or {}).items()}
            for name, halves in (("stock", self.stock), ("ours", self.ours))
        }
        same = not list(self.differences)
        return {"project": self.project, "runs": self.runs, "versions": self.versions, "same": same, **sides}

    @property
    def differences(self) -> Iterator[str]:
        name = f"{self.project}, {RUNS[self.runs]}"
        if self.ours is None:
            yield f"{name}: {self.failure}"
            return
        for way in WAYS:
            for kind, lines in self.stock[way].found.items():
                compared = difflib.unified_diff(lines, self.ours[way].found[kind], "stock", "ours", n=1, lineterm="")
                if text := "\n".join(compared):
                    yield f"{name}, {way}: {kind}\n{text}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.corpus", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--projects", nargs="+", choices=list(PROJECTS), default=list(PROJECTS))
    parser.add_argument("--runs", nargs="+", choices=list(RUNS), default=list(RUNS), help="default: both")
    parser.add_argument("--major", type=int, help="PostgreSQL version (default: the first binaries found)")
    parser.add_argument("--environments", type=Path, help="keep the virtual environments here and use them again")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="corpus-") as name:
        results = list(measure(Path(name), arguments))
    if arguments.json:
        arguments.json.write_text(json.dumps([result.figures for result in results], indent=1) + "\n")
    differences = [difference for result in results for difference in result.differences]
    print("\n" + ("\n\n".join(differences) or "no difference"))
    return 1 if differences else 0


def measure(folder: Path, arguments: argparse.Namespace) -> Iterator[Result]:
    kept = (arguments.environments or folder / "environments").resolve()
    # A copy is used: the project's root would bring the tests along, and may be edited during the run.
    package = shutil.copytree(ROOT / PACKAGE, folder / "ours" / PACKAGE).parent
    with launch.server(arguments.major, in_memory=True) as server:
        print(f"Python {platform.python_version()}, PostgreSQL {server.major}, {driver.__name__} {driver.__version__}")
        for name in arguments.projects:
            project = PROJECTS[name]
            python = environments.make(kept / name, *environments.for_project(*project.requirements))
            versions = {which: environments.version(python, which) for which in (project.package, "Django")}
            print("\n" + HEADER.format(", ".join(f"{which} {version}" for which, version in versions.items())))
            project.write(folder / name)
            contestants = Contestant("stock", STOCK_ENGINE, python), Contestant("ours", OUR_ENGINE, python, package)
            for runs in arguments.runs:
                result = Result(name, runs, versions, *both(server, folder / name, *contestants, runs))
                print_result(result)
                yield result


def both(
    server: launch.Server, folder: Path, stock: Contestant, ours: Contestant, runs: str
) -> tuple[dict[str, Half], dict[str, Half] | None, str]:
    expected = history(server, folder, stock, runs)
    if any(half.figures["failed"] for half in expected.values()):
        # Now without the attempts that failed: they have used up numbers of sequences.
        expected = history(server, folder, stock, runs, expected)
    try:
        return expected, history(server, folder, ours, runs, expected), ""
    except RuntimeError as error:
        return expected, None, str(error)


def history(
    server: launch.Server, folder: Path, one: Contestant, runs: str, stock: dict[str, Half] | None = None
) -> dict[str, Half]:
    """Run it forwards and back on a database of its own.

    :param stock: how it went with stock Django: what failed then is not tried now, and nothing else may fail.
    :raises RuntimeError: something failed.
    """
    name = f"corpus_{one.name}"
    place = urlsplit(server.url)
    parameters = {"ENGINE": one.engine, "NAME": name, "USER": "postgres", "HOST": place.hostname, "PORT": place.port}
    variables = {
        "DATABASE": json.dumps(parameters | {"ZERO_DOWNTIME_MIGRATIONS": SETTINGS}),
        "DESCRIPTION": DESCRIPTION,
        "DJANGO_SETTINGS_MODULE": "project_settings",
        "RUNS": runs,
        # Django makes the permissions of new models in the order of a set.
        "PYTHONHASHSEED": "0",
    }
    halves = {}
    with closing(driver.connect(server.url)) as session:
        session.autocommit = True
        run(session, f"CREATE DATABASE {name} TEMPLATE template0")
        try:
            for way in WAYS:
                failed = json.dumps(stock[way].figures["failed"] if stock else None)
                printed = one.run(CORPUS_RUN, folder, WAY=way, FAILED=failed, **variables)
                figures = json.loads(printed.splitlines()[-1])
                found = {"the schema after each run": figures.pop("schemas"), "errors": figures["errors"]}
                halves[way] = Half(figures, found | what_is_there(f"{server.url.rpartition('/')[0]}/{name}"))
        finally:
            run(session, f"DROP DATABASE {name} WITH (FORCE)")
    return halves


def what_is_there(url: str) -> dict[str, list[str]]:
    with closing(driver.connect(url)) as session:
        applied = run(session, "SELECT app || '.' || name FROM django_migrations ORDER BY id")
        rows = [line for table, columns in run(session, COLUMNS) for line in rows_of(session, table, columns)]
    dump = launch.pg_dump(url, "--schema-only").splitlines()
    return {"pg_dump": dump, "django_migrations": [name for [name] in applied], "rows": rows}


def rows_of(session: Any, table: str, columns: str) -> list[str]:
    return sorted(f"{table} {row}" for [row] in run(session, f"SELECT t::text FROM (SELECT {columns} FROM {table}) t"))


def print_result(result: Result) -> None:
    if result.ours is None:
        print(f"{RUNS[result.runs]}: failed with ours", flush=True)
        return
    for way in WAYS:
        stock, ours = result.stock[way].figures, result.ours[way].figures
        wall = f"{stock['wall']:9.2f}{ours['wall']:9.2f}{ours['wall'] / stock['wall']:9.2f}"
        client = f"{ours['cpu'] / stock['cpu']:8.2f}"
        queries = f"{stock['queries']:9d}{ours['queries']:9d}{ours['queries'] / stock['queries']:9.2f}"
        others = f"{ours['safe']:6d}{ours['findings']:10d}{len(ours['errors']):8d}"
        print(f"{RUNS[result.runs] + ', ' + way:41}{wall}{client}{queries}{others}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
