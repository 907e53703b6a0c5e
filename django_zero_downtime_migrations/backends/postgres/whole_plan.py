"""The findings of all migrations that ``migrate`` is about to run, before the first statement of the first one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from ...errors import CannotMigrate
from ...findings import Finding, Severity
from ...log import logger
from ...settings import MigrationSettings
from .calls import Past
from .new_tables import begin, read_journal
from .schema import DatabaseSchemaEditorMixin

Steps = Sequence[tuple[Any, bool]]
Names = frozenset[tuple[str, str]]


def judge_before_migrate(using: str, plan: Steps = (), **kwargs: Any) -> None:
    """Receiver of ``pre_migrate``: with RAISE_FOR_UNSAFE, find what the whole plan would be refused for.

    Django sends the signal once for each app; the plan is judged the first time. The refusal is raised when the first
    schema editor opens, since ``migrate --fake`` opens none.
    """
    connection = connections[using]
    if not plan or not issubclass(connection.SchemaEditorClass, DatabaseSchemaEditorMixin):
        return
    run = begin(connection, plan)
    read_journal(connection, run)
    if run.judged or not MigrationSettings.load(using).raise_for_unsafe or run.everything(connection):
        return
    run.judged = True
    interrupted = run.journals.interrupted if run.journals else frozenset()
    refused = (x for x in _findings(connection, plan, interrupted) if x.severity is Severity.REFUSE and not x.assured)
    run.refused = run.refused or next(refused, None)


def _findings(connection: Any, plan: Steps, interrupted: Names) -> list[Finding]:
    try:
        return findings(connection, plan, interrupted)
    except CannotMigrate:
        raise
    except Exception as error:  # an operation of the user's own may do anything
        logger.warning("The plan could not be judged as a whole (%r); each call is judged when it is reached.", error)
        return []


def findings(connection: Any, plan: Steps, interrupted: Names = frozenset()) -> list[Finding]:
    """What the rules find in migrations that have not run, each as if those before it had.

    :param plan: (migration, backwards) pairs, as from Django's executor.
    :param interrupted: migrations, by app and name, that have been judged when they began.
    """
    executor: Any = MigrationExecutor(connection)
    state = executor._create_project_state(with_applied_migrations=True)

    def open_editor(migration: Any) -> Any:
        editor = connection.schema_editor(collect_sql=True, atomic=migration.atomic)
        if (migration.app_label, migration.name) in interrupted:
            editor.resume = Past()
        return editor

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
