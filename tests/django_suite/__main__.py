"""Run Django's own test suites with our engine or another.

python -m tests.django_suite                                  every suite that touches DDL
python -m tests.django_suite --apps schema -k test_add_field  options that are not ours go to Django's runtests.py
PG_MAJOR=15 python -m tests.django_suite --engine django.db.backends.postgresql
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django

from servers import launch
from servers.binaries import NoServer
from tests.django_suite import report, source
from tests.django_suite.settings import DRIVER_OPTIONS, RECORD_VARIABLE, Run, render

OURS = "django_zero_downtime_migrations.backends.postgres"
IN_USE = "tests.django_suite.in_use"
# composite_pk came with Django 5.2; a suite that this Django does not have is left out.
APPS = [
    "schema",
    "migrations",
    "postgres_tests",
    "indexes",
    "constraints",
    "introspection",
    "backends",
    "inspectdb",
    "migration_test_data_persistence",
    "field_defaults",
    "model_options",
    "composite_pk",
]


def main(arguments: list[str]) -> int:
    options, runtests = _parser().parse_known_args(arguments)
    tests = source.tests_folder()
    labels = options.apps or [app for app in APPS if (tests / app).is_dir()]
    if unknown := [label for label in labels if not (tests / label.split(".")[0]).is_dir()]:
        sys.exit(f"Django {django.get_version()} has no tests {', '.join(unknown)}")
    engine = IN_USE if options.everything_in_use else options.engine
    with _server(options.url) as url:
        run = Run(engine, url, labels, options.driver_option, options.timeouts, runtests)
        started = time.monotonic()
        exit_code, record = _execute(run, tests)
    if record is None:
        print(f"FAILED: the tests did not come to an end, runtests.py exited with {exit_code}")
        return exit_code or 1
    print("\n".join(report.lines(record, time.monotonic() - started)))
    return 0 if report.passed(record) else exit_code or 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.django_suite",
        description="Run Django's own tests with an engine on a fresh server (PG_MAJOR chooses its version).",
        epilog="Other options go to Django's runtests.py, for example -k PATTERN, --failfast or --debug-sql.",
        allow_abbrev=False,
    )
    engine = parser.add_mutually_exclusive_group()
    engine.add_argument("--engine", default=OURS, help="the ENGINE of both databases (default: %(default)s)")
    engine.add_argument("--everything-in-use", action="store_true", help="our engine, with no table treated as new")
    parser.add_argument("--apps", nargs="+", metavar="LABEL", help="suites or test ids (default: all that touch DDL)")
    parser.add_argument("--driver-option", choices=DRIVER_OPTIONS, help="server-side binding, or a connection pool")
    parser.add_argument("--timeouts", action="store_true", help="set lock and statement timeouts for migrations")
    parser.add_argument("--url", help="a running server instead of a fresh one: postgresql://USER@HOST:PORT/")
    return parser


@contextlib.contextmanager
def _server(url: str | None) -> Iterator[str]:
    if url:
        yield url
        return
    major = os.environ.get("PG_MAJOR")
    with launch.server(int(major) if major else None, in_memory=True) as server:
        yield server.url


def _execute(run: Run, tests: Path) -> tuple[int, dict[str, Any] | None]:
    """Run `runtests.py`; the record is None if it did not get as far as a result."""
    with tempfile.TemporaryDirectory(prefix="django-suite-") as folder:
        (Path(folder) / "suite_settings.py").write_text(render(run))
        record = Path(folder) / "record.json"
        paths = [folder, str(source.ROOT), os.environ.get("PYTHONPATH", "")]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths)), RECORD_VARIABLE: str(record)}
        parallel = [] if any(option.startswith("--parallel") for option in run.runtests) else ["--parallel=1"]
        command = [sys.executable, "runtests.py", "--settings=suite_settings", "--noinput", *parallel]
        done = subprocess.run([*command, *run.runtests, *run.labels], cwd=tests, env=environment)
        return done.returncode, json.loads(record.read_text()) if record.exists() else None


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (source.SourceNotFound, NoServer) as error:
        sys.exit(str(error))
