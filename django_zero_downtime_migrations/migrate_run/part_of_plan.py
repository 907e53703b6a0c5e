"""A run of ``migrate`` that applies a part of what is pending."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.commands import migrate
from django.db.migrations.executor import MigrationExecutor

from ..django_types import Steps


@contextmanager
def only(migrations: Collection[Any]) -> Iterator[None]:
    """Let Django's ``migrate`` apply at most these migrations in the block, in one run.

    The command makes its executor by the name that its module has, and takes its plan from it.
    """
    keys = {(migration.app_label, migration.name) for migration in migrations}

    class Executor(MigrationExecutor):
        def migration_plan(self, targets: Any, clean_start: bool = False) -> Steps:
            plan: Steps = super().migration_plan(targets, clean_start)
            return plan if clean_start else [x for x in plan if (x[0].app_label, x[0].name) in keys]

    module: Any = migrate
    module.MigrationExecutor, before = Executor, module.MigrationExecutor
    try:
        yield
    finally:
        module.MigrationExecutor = before
