"""The example project's own command line, in a process of its own as its users run it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from servers import launch
from tests import databases

ROOT = Path(__file__).resolve().parents[2]
NOT_FOR_THE_PROJECT = ("DJANGO_SETTINGS_MODULE", "EXAMPLE_ENGINE", "EXAMPLE_RAISE_FOR_UNSAFE")


class Project:
    """The example on a database of its own. `manage` fails the test unless the command ends as it should."""

    def __init__(self, url: str, engine: str) -> None:
        self.url = url
        self.engine = engine

    def manage(self, *arguments: str, exit_code: int = 0, refuse_unsafe: bool = True) -> str:
        environment = {name: value for name, value in os.environ.items() if name not in NOT_FOR_THE_PROJECT}
        environment |= {
            "DATABASE_URL": self.url,
            "EXAMPLE_ENGINE": self.engine,
            "EXAMPLE_RAISE_FOR_UNSAFE": "1" if refuse_unsafe else "0",
        }
        done = subprocess.run(
            [sys.executable, "-m", "example.manage", *arguments],
            env=environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == exit_code, done.stdout
        return done.stdout

    def schema(self) -> str:
        return launch.pg_dump(self.url, "--schema-only")


@contextmanager
def on_new_database(engine: str) -> Iterator[Project]:
    with databases.fresh_database() as name:
        yield Project(f"{settings.DATABASE_URL.rsplit('/', 1)[0]}/{name}", engine)
