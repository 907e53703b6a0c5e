"""``check_migrations --without-database`` against what Django itself needs before a migration can run.

``python -m benchmarks.check`` prints, for a project with a thousand pending migrations, seconds on a processor for

- loading: importing the migrations and putting them in order;
- states: loading, and the state of the project before and after each operation, with its models, as ``migrate`` makes
  them;
- check: the whole judgement, loading included;

and the ratio of the last two. Each is measured in processes of its own, in turns.
"""

from __future__ import annotations

import argparse
import compileall
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import django
from django.conf import settings

from . import generated

ROOT = Path(__file__).resolve().parents[1]
#: The most that judging may take, as a multiple of what Django needs to load the migrations and build their states.
LIMIT = 1.5
SETTINGS = """
DATABASES = {{"default": {{"ENGINE": "django_zero_downtime_migrations.backends.postgres", "NAME": "none"}}}}
INSTALLED_APPS = {apps!r}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SECRET_KEY = "benchmark"
USE_TZ = True
"""
HEAD = """
import io, time
import django
django.setup()
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader
start = time.process_time()
"""
TAIL = """
print(time.process_time() - start)
"""
LOAD = """
loader = MigrationLoader(None, ignore_no_migrations=True)
"""
WHAT = {
    "loading": LOAD,
    "unrendered": LOAD + "loader.project_state()\n",
    "states": LOAD
    + """
from django.db.migrations.state import ProjectState
state = ProjectState(real_apps=loader.unmigrated_apps)
state.apps
seen = set()
for leaf in sorted(loader.graph.leaf_nodes()):
    for key in loader.graph.forwards_plan(leaf):
        if key not in seen:
            seen.add(key)
            for operation in loader.graph.nodes[key].operations:
                before = state.clone()
                operation.state_forwards(key[0], state)
""",
    "check": """
from django_zero_downtime_migrations.management.commands.check_migrations import Command
try:
    call_command(Command(stdout=io.StringIO()), "--without-database")
except SystemExit as ended:
    assert ended.code == 1
""",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--apps", type=int, default=34, help="of 30 migrations each (default: 34)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=list(WHAT), action="append")
    arguments = parser.parse_args()
    settings.configure(INSTALLED_APPS=[])
    django.setup()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        apps = generated.write(folder, arguments.apps)
        (folder / "project_settings.py").write_text(SETTINGS.format(apps=apps))
        compileall.compile_dir(folder, quiet=1)
        count = sum(1 for _ in folder.glob("*/migrations/0*.py"))
        taken: dict[str, list[float]] = {what: [] for what in arguments.only or WHAT}
        for _ in range(arguments.rounds):
            for what, seconds in taken.items():
                seconds.append(run(folder, HEAD + WHAT[what] + TAIL))
    medians = {what: median(seconds) for what, seconds in taken.items()}
    print(f"{count} migrations, median of {arguments.rounds}")
    for what, middle in medians.items():
        print(f"{what:12}{middle:8.2f} s")
    if not {"states", "check"} <= medians.keys():
        return 0
    ratio = medians["check"] / medians["states"]
    print(f"ratio       {ratio:8.2f}   (limit {LIMIT}; against states without models {check_ratio(medians)})")
    return int(ratio > LIMIT)


def check_ratio(medians: dict[str, float]) -> str:
    return f"{medians['check'] / medians['unrendered']:.2f}" if "unrendered" in medians else "not measured"


def run(folder: Path, code: str) -> float:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment |= {
        "DJANGO_SETTINGS_MODULE": "project_settings",
        "PYTHONPATH": os.pathsep.join((str(folder), str(ROOT))),
        "PYTHONHASHSEED": "0",
    }
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return float(done.stdout)


if __name__ == "__main__":
    sys.exit(main())
