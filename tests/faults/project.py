"""A process that runs ``migrate`` again and again, and is cut short at a given point."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]


class Run(NamedTuple):
    """A run.

    :param status: negative if a signal has ended it.
    :param happened: whether the fault did.
    :param left: what the run has left in its session that it should not.
    :param refused: the text and the notes of an error that ``manage.py`` prints without a traceback; else empty.
    """

    status: int
    said: str = ""
    sent: list[str] = []
    happened: bool = True
    left: list[str] = []
    refused: str = ""


class Faults:
    """A project in a process of its own that forks for each run."""

    def __init__(self, settings_module: str, variables: Mapping[str, str]) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        environment |= {"DJANGO_SETTINGS_MODULE": settings_module, "PYTHONPATH": str(ROOT), **variables}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.server"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def migrate(
        self,
        database: str,
        *arguments: str,
        scenario: str = "",
        pickled: str = "",
        settings: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        engine: str = "tests.faults.engine",
        user: str = "",
        **fault: Any,
    ) -> Run:
        """Run ``migrate``.

        :param scenario: whose migrations it runs; by default the installed apps' own.
        :param pickled: the scenario itself, pickled and in base 64, if it has no name.
        :param settings: ZERO_DOWNTIME_MIGRATIONS.
        :param options: OPTIONS.
        :param engine: another engine has no faults.
        :param user: the role that migrates; by default the role of DATABASE_URL.
        :param fault: as in ``fault.Fault``.
        """
        assert self.process.stdin and self.process.stdout
        wanted: dict[str, Any] = {
            "database": database,
            "arguments": arguments,
            "scenario": scenario,
            "pickled": pickled,
            "engine": engine,
            "user": user,
        }
        wanted |= {"settings": settings or {}, "options": options or {}, "fault": fault}
        self.process.stdin.write(json.dumps(wanted) + "\n")
        self.process.stdin.flush()
        return Run(**json.loads(self.process.stdout.readline()))

    def close(self) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


@contextmanager
def started(settings_module: str = "tests.faults.settings", **variables: str) -> Iterator[Faults]:
    made = Faults(settings_module, variables)
    try:
        yield made
    finally:
        made.close()
