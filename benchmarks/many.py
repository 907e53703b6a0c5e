"""One migration of many operations that are nearly nothing: stock Django, ours with its journal and without.

python -m benchmarks.many [--operations 2000] [--rounds 5] [--kinds select insert update two code] [--profile FOLDER]

Every measurement is a new process on a copy of a database whose table is in use, and covers ``call_command("migrate")``
alone. The contestants take turns, and the smallest of their rounds counts: what else the machine does only adds. The
exit code is 1 when the journal takes more than 1.3 x the time without it. Code that sends nothing is measured and has
no limit: without a journal it costs nothing, and with one each RunPython commits a mark, so that it does not run twice.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from servers import launch

from .fresh import ONE_RUN, OUR_ENGINE, ROOT, STOCK_ENGINE, Contestant, driver, run
from .projects import SETTINGS

TABLE = """from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel("row", [("id", models.BigAutoField(primary_key=True)), ("n", models.IntegerField())])
    ]
"""
MANY = """from django.db import migrations


def code(apps, schema_editor):
    pass


class Migration(migrations.Migration):
    dependencies = [("many", "0001_table")]
    operations = [{operation} for n in range({operations})]
"""
#: By the kind; ``n`` is the number of the operation.
OPERATIONS = {
    "select": 'migrations.RunSQL("SELECT 1")',
    "insert": 'migrations.RunSQL(f"INSERT INTO many_row (n) VALUES ({n})")',
    "update": 'migrations.RunSQL([("UPDATE many_row SET n = %s WHERE id = 1", [n])])',
    "two": 'migrations.RunSQL(f"INSERT INTO many_row (n) VALUES ({n}); UPDATE many_row SET n = {n} WHERE id = 1")',
    "code": "migrations.RunPython(code)",
}
FIGURES = ("wall", "client_cpu", "server_cpu", "queries")
#: The journal's time in multiples of that without it, for these kinds.
LIMIT = 1.3
LIMITED = ("select", "insert", "update", "two")
PROFILED = """import cProfile, os, pathlib
profile = cProfile.Profile()
profile.enable()
try:
    exec(compile(pathlib.Path(os.environ["ONE_RUN"]).read_text(), "one_run", "exec"))
finally:
    profile.dump_stats(os.environ["PROFILE"])
"""


def contestants() -> list[Contestant]:
    python = Path(sys.executable)
    return [
        Contestant("stock", STOCK_ENGINE, python, ROOT),
        Contestant("off", OUR_ENGINE, python, ROOT, {"ZERO_DOWNTIME_MIGRATIONS": {"IDEMPOTENT_SQL": False}}),
        Contestant("journal", OUR_ENGINE, python, ROOT),
        Contestant("on", OUR_ENGINE, python, ROOT, {"ZERO_DOWNTIME_MIGRATIONS": {"IDEMPOTENT_SQL": True}}),
    ]


def write(folder: Path, kind: str, operations: int) -> None:
    migrations = folder / "many" / "migrations"
    migrations.mkdir(parents=True)
    for module in (folder / "many" / "__init__.py", folder / "many" / "models.py", migrations / "__init__.py"):
        module.write_text("")
    (folder / "project_settings.py").write_text(SETTINGS.format(apps=["many"]))
    (migrations / "0001_table.py").write_text(TABLE)
    (migrations / "0002_many.py").write_text(MANY.format(operation=OPERATIONS[kind], operations=operations))


class Case:
    """One kind of operation on one server."""

    def __init__(self, server: launch.Server, folder: Path, profiles: Path | None) -> None:
        self.server = server
        self.folder = folder
        self.profiles = profiles

    def once(self, one: Contestant) -> dict[str, float]:
        """Migrate the table, and then measure the migration of many operations."""
        name = f"many_{one.name}"
        with closing(driver.connect(self.server.url)) as session:
            session.autocommit = True
            run(session, f"CREATE DATABASE {name}")
            try:
                self._run(one, name, self._only_the_table())
                run(session, "CHECKPOINT")
                printed = self._run(one, name, ONE_RUN)
            finally:
                run(session, f"DROP DATABASE {name} WITH (FORCE)")
        figures: dict[str, float] = json.loads(printed.splitlines()[-1])
        return figures

    def _only_the_table(self) -> str:
        return ONE_RUN.replace('call_command("migrate",', 'call_command("migrate", "many", "0001",')

    def _run(self, one: Contestant, name: str, code: str) -> str:
        host, port = self.server.url.rpartition("@")[2].partition("/")[0].split(":")
        database = {"ENGINE": one.engine, "NAME": name, "USER": "postgres", "HOST": host, "PORT": port}
        variables = {
            "DATABASE": json.dumps(database | one.settings),
            "DJANGO_SETTINGS_MODULE": "project_settings",
        }
        if self.profiles is not None and code == ONE_RUN:
            self.profiles.mkdir(parents=True, exist_ok=True)
            variables["PROFILE"] = str((self.profiles / f"{self.folder.name}_{one.name}").resolve())
            variables["ONE_RUN"] = str(Path(__file__).parent / "one_run.py")
            code = PROFILED
        return one.run(code, self.folder, **variables)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.many", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--operations", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kinds", nargs="+", choices=list(OPERATIONS), default=list(OPERATIONS))
    parser.add_argument("--contestants", nargs="+", default=["stock", "off", "journal"])
    parser.add_argument("--fsync", action="store_true", help="on a server that waits for its disk")
    parser.add_argument("--major", type=int, help="PostgreSQL version (default: the first binaries found)")
    parser.add_argument("--profile", type=Path, help="write a profile of each contestant into this folder")
    arguments = parser.parse_args()
    failures = []
    with (
        tempfile.TemporaryDirectory(prefix="many-") as name,
        launch.server(arguments.major, fsync=arguments.fsync) as server,
    ):
        for kind in arguments.kinds:
            folder = Path(name) / kind
            write(folder, kind, arguments.operations)
            least = measure(Case(server, folder, arguments.profile), arguments)
            print_figures(kind, arguments.operations, least)
            failures += [
                f"{kind}: {name} {least[name]['wall'] / least['off']['wall']:.2f} x off"
                for name in ("journal", "on")
                if kind in LIMITED and name in least and least[name]["wall"] > LIMIT * least["off"]["wall"]
            ]
    print("\n".join(failures) if failures else f"the journal takes at most {LIMIT} x the time without it")
    return 1 if failures else 0


def measure(case: Case, arguments: argparse.Namespace) -> dict[str, dict[str, float]]:
    """The least of each figure by contestant."""
    taking_part = [one for one in contestants() if one.name in arguments.contestants]
    rounds: dict[str, list[dict[str, float]]] = {one.name: [] for one in taking_part}
    for number in range(arguments.rounds):
        turn = number % len(taking_part)
        for one in [*taking_part[turn:], *taking_part[:turn]]:
            rounds[one.name].append(case.once(one))
    return {name: {x: min(figures[x] for figures in found) for x in FIGURES} for name, found in rounds.items()}


def print_figures(kind: str, operations: int, least: dict[str, dict[str, float]]) -> None:
    print(f"\n{kind}, {operations} operations\n             wall s  client s  server s  queries   x stock     x off")
    for name, found in least.items():
        wall, client, server, queries = (found[figure] for figure in FIGURES)
        ratios = "".join(
            f"{wall / least[x]['wall']:{width}.2f}" for x, width in (("stock", 10), ("off", 8)) if x in least
        )
        print(f"{name:10}{wall:9.3f}{client:10.3f}{server:10.3f}{queries:9.0f}{ratios}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
