"""Django's signals about a run of ``migrate``: one receiver for its beginning, one for its end."""

from __future__ import annotations

import sys
from inspect import getattr_static
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from django.apps import apps
from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate

from ..django_types import Steps

if TYPE_CHECKING:
    from .run import MigrateRun

PACKAGE = __name__.partition(".")[0]


def connect() -> None:
    """Connect the receivers, before the first schema editor opens; a second call changes nothing."""
    pre_migrate.connect(begin_run, dispatch_uid=f"{PACKAGE}.begin")
    post_migrate.connect(end_run, dispatch_uid=f"{PACKAGE}.end")


def begin_run(
    using: str, plan: Steps | None = None, verbosity: int = 1, stdout: TextIO | None = None, **kwargs: object
) -> None:
    """Receive ``pre_migrate``, which Django sends once for each app.

    A refusal is raised when the first schema editor opens, since ``migrate --fake`` opens none.

    :raises CannotMigrate: when another run is at work for longer than MIGRATE_LOCK_TIMEOUT.
    """
    # Imported here, as below: most processes of a project migrate nothing.
    from .run import begin

    show_interrupts_briefly()
    connection: Any = connections[using]
    run = begin(connection, plan, verbosity, stdout)
    if not hasattr(getattr_static(connection, "SchemaEditorClass"), "is_ours"):
        # The backend is another one, whose editor is not ours.
        return
    run.prepare()
    contract_first(run)
    if apps.is_installed(PACKAGE):
        run.judge()


def end_run(using: str, plan: Steps | None = None, **kwargs: object) -> None:
    """Receive ``post_migrate``, which Django sends once for each app."""
    from .run import runs_of

    connection: Any = connections[using]
    run = next((run for run in runs_of(connection) if run.plan is plan), None)
    if run is not None:
        run.end(complete=True)
        if run.has_debts:
            from .contract_first import end

            end(run)


def show_interrupts_briefly() -> None:
    """Show interrupts briefly from now on, in this process."""
    before = sys.excepthook
    if getattr(before, "is_brief", False):
        return

    def hook(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        if kind is KeyboardInterrupt:
            # Imported here: most runs are not interrupted.
            from .terminal import shows_interrupt

            if shows_interrupt(error, traceback):
                return
        before(kind, error, traceback)

    hook.is_brief = True  # type: ignore[attr-defined]
    sys.excepthook = hook


def contract_first(run: MigrateRun) -> None:
    """Drop what is owed, once, as far as it may be dropped."""
    if run.is_contracted:
        return
    run.is_contracted = True
    if run.kept is None and not run.loaded.expand_contract:
        return
    if run.kept is not None and not run.kept.types:
        run.debts = []
        return
    # Imported here: most runs find nothing that is owed.
    from .contract_first import begin

    begin(run)
