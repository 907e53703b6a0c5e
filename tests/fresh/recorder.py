"""A command of the project under test: what `migrate` sends, call by call, as JSON."""

from __future__ import annotations

import json
from pathlib import Path

from tests.backends.project import APP, Site

COMMAND = """import json

from django.core.management import BaseCommand, call_command
from django.db import connection


class Command(BaseCommand):
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("calls", nargs="+")

    def handle(self, calls, **options):
        sent = []
        for call in calls:
            sent.append([])
            with connection.execute_wrapper(self.recording(sent[-1])):
                call_command("migrate", *call.split(), verbosity=0)
        self.stdout.write(json.dumps(sent))

    def recording(self, sent):
        def record(execute, sql, params, many, context):
            sent.append(str(sql))
            return execute(sql, params, many, context)

        return record
"""
DDL = ("CREATE ", "ALTER ", "DROP ", "UPDATE ", "COMMENT ")


def install(site: Site) -> None:
    folder = site.folder / APP / "management" / "commands"
    folder.mkdir(parents=True)
    for package in (folder.parent, folder):
        (package / "__init__.py").write_text("")
    Path(folder / "record_migrate.py").write_text(COMMAND)


def record(site: Site, *calls: str) -> list[list[str]]:
    """The queries of each `migrate` with these arguments, all in one process."""
    done = site.manage("record_migrate", *(calls or (" ",)))
    assert done.returncode == 0, done.stdout
    sent: list[list[str]] = json.loads(done.stdout.splitlines()[-1])
    return sent


def ddl(queries: list[str]) -> list[str]:
    """Return the DDL in alphabetical order: its original order depends on the hashes of strings."""
    return sorted(query for query in queries if query.startswith(DDL))
