"""Apply the shop's migrations one by one and note what each did to the clients."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.core.management import call_command
from django.db import connections
from django.db.migrations.loader import MigrationLoader

from example.demo.traffic import Seen, Traffic
from example.demo.watching import LockTimes, LockWatch, differences, files

BACKEND = logging.getLogger("django_zero_downtime_migrations")


@dataclass
class Applied:
    """One migration, its cost and what the clients saw of it."""

    name: str
    seconds: float
    files: list[str]
    locks: LockTimes
    seen: Seen
    waited: list[str] = field(default_factory=list)
    failure: str = ""
    warnings: list[str] = field(default_factory=list)


class Heard(logging.Handler):
    """The backend's messages about the locks that it waits for: `with Heard() as heard:`, then `heard.lines`."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.last: object = None

    def emit(self, record: logging.LogRecord) -> None:
        if record.module == "acquire" and record.msg != self.last:
            self.last = record.msg
            self.lines.append(record.getMessage())

    def __enter__(self) -> Heard:
        BACKEND.setLevel(logging.DEBUG)
        BACKEND.addHandler(self)
        return self

    def __exit__(self, *exc_info: object) -> None:
        BACKEND.removeHandler(self)


def migrate_in_a_process_of_its_own(url: str, engine: str, migration: str) -> None:
    """Migrate in a process of its own, so that its tables are not new to the migrations that follow."""
    command = [sys.executable, "-m", "example.manage", "migrate", "shop", migration, "--verbosity", "0"]
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "EXAMPLE_ENGINE": engine,
        "DJANGO_SETTINGS_MODULE": "example.settings",
    }
    subprocess.run(command, env=environment, check=True, start_new_session=True)


def names(alias: str) -> list[str]:
    loader = MigrationLoader(connections[alias])
    return sorted(name for app, name in loader.disk_migrations if app == "shop")


def apply(alias: str, name: str, traffic: Traffic) -> Applied:
    """One `migrate`."""
    watcher = f"{alias}_watch"
    failure = ""
    before = files(watcher)
    begin = time.monotonic()
    with (
        warnings.catch_warnings(record=True) as warned,
        Heard() as heard,
        LockWatch(watcher, backend_pid(alias)) as locks,
    ):
        try:
            call_command("migrate", "shop", name, database=alias, verbosity=0, interactive=False)
        except Exception as error:  # whatever it is, it is the result of this migration and not the end of the demo
            failure = " ".join(f"{type(error).__name__}: {error}".split())
    end = time.monotonic()
    traffic.wait_until_all_saw(end)
    return Applied(
        name=name,
        seconds=end - begin,
        files=differences(before, files(watcher)),
        locks=locks,
        seen=traffic.between(begin, end),
        waited=heard.lines,
        failure=failure,
        warnings=[str(warning.message) for warning in warned],
    )


def backend_pid(alias: str) -> int:
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid: int = cursor.fetchone()[0]
        return pid


def apply_all(alias: str, traffic: Traffic) -> Iterator[Applied]:
    """Apply all after the first; end with the first that fails, since the next ones build on it."""
    for name in names(alias)[1:]:
        applied = apply(alias, name, traffic)
        yield applied
        if applied.failure:
            return
