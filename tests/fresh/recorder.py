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
            result = execute(sql, params, many, context)
            with connection.connection.cursor() as cursor:
                # Unlike xmin, this is not the number of a subtransaction.
                cursor.execute("SELECT pg_current_xact_id_if_assigned()::text")
                sent.append((str(sql), cursor.fetchone()[0]))
            return result

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
    return [[sql for sql, _ in sent] for sent in record_transactions(site, *calls)]


def record_transactions(site: Site, *calls: str) -> list[list[tuple[str, str | None]]]:
    """The queries, each with the number of the transaction that was open behind it and has written something."""
    done = site.manage("record_migrate", *(calls or (" ",)))
    assert done.returncode == 0, done.stdout
    sent: list[list[tuple[str, str | None]]] = json.loads(done.stdout.splitlines()[-1])
    return sent


def writers(sent: list[tuple[str, str | None]], *also: str) -> set[str | None]:
    """The transactions of the statements about tables of the app, and of those that begin with :param also: a text."""
    return {number for sql, number in sent if (ddl([sql]) and "shop" in sql) or (also and sql.startswith(also))}


def ddl(queries: list[str]) -> list[str]:
    """Return the DDL in alphabetical order: its original order depends on the hashes of strings."""
    return sorted(part for query in queries for part in query.split(";\n") if part.startswith(DDL))
