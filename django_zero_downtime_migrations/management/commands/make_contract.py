"""``make_contract``: writes the migration with the second half of each Expand that lacks it."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    help = (
        "Writes a migration with the Contract of each Expand that has none yet. Release it when no code from before "
        "the Expand runs; while some of it is seen, what it drops stays owed."
    )
    requires_system_checks: Any = []  # noqa: RUF012 (the name and type are Django's)

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("app_labels", nargs="*", metavar="app_label", help="Only of these apps. Default: all.")
        add("--dry-run", action="store_true", help="Show the migrations, and write none.")
        add("-n", "--name", help="Of the migration, without its number.")

    def handle(self, *args: object, **options: Any) -> None:
        from django.db.migrations.loader import MigrationLoader

        labels, name = options["app_labels"], options["name"]
        if name and not name.isidentifier():
            raise CommandError(f"--name {name}: write a name that Python could import, as contract_order_note.")
        for label in labels:
            _refuse_unknown(label)
        loader: Any = MigrationLoader(None, ignore_no_migrations=True)
        found = [x for label in labels or sorted(loader.migrated_apps) if (x := _contract(loader, label, name))]
        if not found:
            raise CommandError(f"Nothing to write: every Expand{_of(labels)} has its Contract, or there is none.")
        for migration in found:
            self._write(migration, options["dry_run"])

    def _write(self, migration: Any, dry_run: bool) -> None:
        from django.db.migrations.writer import MigrationWriter

        # The header would name the moment.
        writer = MigrationWriter(migration, include_header=False)
        path = Path(writer.path)
        self.stdout.write(self.style.MIGRATE_HEADING(f"{migration.app_label}: {path.name}"))
        for operation in migration.operations:
            self.stdout.write(f"  {operation.describe()}")
        if dry_run:
            self.stdout.write(writer.as_string())
        else:
            path.write_text(writer.as_string(), encoding="utf-8")


def _refuse_unknown(label: str) -> None:
    try:
        apps.get_app_config(label)
    except LookupError as error:
        raise CommandError(str(error)) from error


def _of(labels: list[str]) -> str:
    return f" of {', '.join(labels)}" if labels else ""


def _contract(loader: Any, label: str, name: str | None) -> Any:
    """Return the migration of an app; None if there is nothing to write.

    :raises CommandError: when the app has several last migrations.
    """
    from django.db.migrations import Migration
    from django.db.migrations.autodetector import MigrationAutodetector

    from ...migrate_run.halves import without_contract
    from ...operations import Contract

    left = without_contract(loader, label)
    if not left:
        return None
    leaves = loader.graph.leaf_nodes(label)
    if len(leaves) > 1:
        names = ", ".join(sorted(name for _, name in leaves))
        raise CommandError(f"{label} has several last migrations ({names}): run makemigrations --merge first.")
    halves = [list(each) for _, each in groupby(left, key=lambda x: x.whose._replace(part=None))]
    body = {"operations": [Contract([x.operation for x in half]) for half in halves], "dependencies": leaves}
    migration = type("Migration", (Migration,), body)("", label)
    number = (MigrationAutodetector.parse_number(leaves[0][1]) or 0) + 1
    migration.name = f"{number:04}_{name or migration.suggest_name()}"
    return migration
