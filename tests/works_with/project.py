"""A project of another package on one database, driven through its command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

ROOT = Path(__file__).resolve().parents[2]
PARAMETERS = ("NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS")
TABLES = """
SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables
WHERE table_schema NOT IN ('pg_catalog', 'information_schema') AND table_name <> 'django_migrations' ORDER BY 1
"""


class Project:
    """A project.

    :param package: its folder here.
    :param engine: the engine of the project: ours, or the one that ours is compared with.
    :param connection: to its database.
    """

    def __init__(self, package: str, engine: str, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        self.environment = environment | {
            "DJANGO_SETTINGS_MODULE": f"tests.works_with.{package}.settings",
            "WORKS_WITH_ENGINE": engine,
            "WORKS_WITH_DATABASE": json.dumps({name: connection.settings_dict[name] for name in PARAMETERS}),
            "PYTHONPATH": str(ROOT),
        }

    def allow_unsafe(self) -> None:
        """Turn refusals into warnings from now on: for the way back, on which types become smaller."""
        self.environment["WORKS_WITH_UNSAFE"] = "1"

    def manage(self, *arguments: str) -> str:
        """Run a management command, which has to succeed. :returns: what it says."""
        return self._run("-m", "django", *arguments)

    def fails(self, *arguments: str) -> str:
        """Run a management command that has to fail. :returns: what it says."""
        return self._run("-m", "django", *arguments, succeeds=False)

    def python(self, code: str) -> str:
        """Run Python code in a process where the project is set up. :returns: what it prints."""
        return self._run("-c", f"import django\ndjango.setup()\n{code}")

    def _run(self, *arguments: str, succeeds: bool = True) -> str:
        command = [sys.executable, *arguments]
        done = subprocess.run(command, env=self.environment, cwd=ROOT, capture_output=True, text=True, check=False)
        assert (done.returncode == 0) is succeeds, done.stdout + done.stderr
        return done.stdout if succeeds else done.stdout + done.stderr

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(text)
            return list(cursor.fetchall()) if cursor.description else []

    def rows(self) -> dict[str, list[str]]:
        """The rows of every table."""
        tables = [table for (table,) in self.sql(TABLES)]
        return {table: sorted(row for (row,) in self.sql(f"SELECT t::text FROM {table} t")) for table in tables}
