"""The findings of all migrations that ``migrate`` is about to run, before the first statement of the first one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from ...errors import CannotMigrate
from ...findings import Finding, Severity
from ...settings import MigrationSettings
from .new_tables import begin
from .schema import DatabaseSchemaEditorMixin

logger = logging.getLogger("django_zero_downtime_migrations")
Steps = Sequence[tuple[Any, bool]]


def judge_before_migrate(using: str, plan: Steps = (), **kwargs: Any) -> None:
    """Receiver of ``pre_migrate``: with RAISE_FOR_UNSAFE, find what the whole plan would be refused for.

    Django sends the signal once for each app; the plan is judged the first time. The refusal is raised when the first
    schema editor opens, since ``migrate --fake`` opens none.
    """
    connection = connections[using]
    if not plan or not issubclass(connection.SchemaEditorClass, DatabaseSchemaEditorMixin):
        return
    run = begin(connection, plan)
    if run.judged or not MigrationSettings.load(using).raise_for_unsafe or run.everything(connection):
        return
    run.judged = True
    refused = (x for x in _findings(connection, plan) if x.severity is Severity.REFUSE and not x.assured)
    run.refused = next(refused, None)


def _findings(connection: Any, plan: Steps) -> list[Finding]:
    try:
        return findings(connection, plan)
    except CannotMigrate:
        raise
    except Exception as error:  # an operation of the user's own may do anything
        logger.warning("The plan could not be judged as a whole (%r); each call is judged when it is reached.", error)
        return []


def findings(connection: Any, plan: Steps) -> list[Finding]:
    """What the rules find in migrations that have not run, each as if those before it had.

    :param plan: (migration, backwards) pairs, as from Django's executor.
    """
    executor: Any = MigrationExecutor(connection)
    state = executor._create_project_state(with_applied_migrations=True)

    def open_editor(migration: Any) -> Any:
        return connection.schema_editor(collect_sql=True, atomic=migration.atomic)

    found: list[Finding] = []
    for migration, editor in planned(plan, state, executor.loader, open_editor):
        found += [x.named(origin=x.origin.named(migration=migration.name)) for x in editor.findings]
    return found


def planned(
    plan: Steps, state: Any, loader: Any, open_editor: Callable[[Any], Any]
) -> Iterator[tuple[Any, DatabaseSchemaEditorMixin]]:
    """Each migration, and the collecting editor through which it has gone.

    :param state: the project's before the first one; it is changed.
    :param open_editor: gives an editor of ours that collects, for a migration.
    """
    before: Any = None
    for migration, backwards in plan:
        editor = open_editor(migration)
        with editor:
            editor.continue_from(before)
            if backwards:
                state = loader.project_state((migration.app_label, migration.name), at_end=False)
                migration.unapply(state, editor, collect_sql=True)
            else:
                state = migration.apply(state, editor, collect_sql=True)
        before = editor
        yield migration, editor
