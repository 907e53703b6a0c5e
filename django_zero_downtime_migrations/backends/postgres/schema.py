"""The seam to Django: calls of the schema editor become plans."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from django.db.backends.postgresql.schema import DatabaseSchemaEditor as PostgresSchemaEditor

from ...ddl import statements as s
from ...ddl.template import wrap_templates
from ...errors import Unsafe, UnsafeOperationException, UnsafeOperationWarning
from ...execution.reader import Reader
from ...execution.script import Script
from ...migrate_run.progress import NothingDone
from ...migrate_run.signals import connect
from ...planning.context import OldCode
from ...settings import MigrationSettings
from .ending import Ending
from .of_migration import OfMigration
from .old_names import (
    DUMMY_SQL,
    Condition,
    DummySQL,
    MultiStatementSQL,
    OldAttributes,
    PGAccessExclusive,
    PGLock,
    PGShareUpdateExclusive,
)
from .own_execute import wrap_execute
from .own_settings import own_settings, wrap_settings
from .recording import Recording

__all__ = [
    "DUMMY_SQL",
    "Condition",
    "DatabaseSchemaEditor",
    "DatabaseSchemaEditorMixin",
    "DummySQL",
    "MultiStatementSQL",
    "PGAccessExclusive",
    "PGLock",
    "PGShareUpdateExclusive",
    "Unsafe",
    "UnsafeOperationException",
    "UnsafeOperationWarning",
]


class DatabaseSchemaEditorMixin(Recording, Ending, OldAttributes, OfMigration):
    """The schema editor that plans. This class precedes any PostgreSQL schema editor.

    While one of :class:`.calls.Calls` runs, ``execute()`` only records. When the outermost call returns, the recorded
    statements are planned, judged and run (``migrate``), or written down (``sqlmigrate``).
    """

    is_ours = True
    connection: Any
    collect_sql: bool
    collected_sql: list[str]
    quote_value: Callable[[Any], Any]
    _recorded: list[s.Statement] | None = None
    #: This class's ``execute()`` runs, so what reaches the server is planned already.
    is_executing = False
    #: The models of the code that still runs; ``check_migrations`` states them.
    old_code: OldCode | None = None

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        wrap_templates(cls)
        wrap_settings(cls)
        wrap_execute(cls, DatabaseSchemaEditorMixin.execute)
        cls._own_triggers = "pgtrigger_" if hasattr(cls, "temporarily_drop_trigger") else ""

    def _stated(self, settings: MigrationSettings) -> MigrationSettings:
        return own_settings(self, settings)

    def _new_reader(self, collect_sql: bool, stated: MigrationSettings) -> Reader:
        """Return the reader that prints the plans, or sends them."""
        if not collect_sql:
            return super()._new_reader(collect_sql, stated)
        return Script(self.connection, self.settings, self._own, self.collected_sql, self._send)

    def hand_plans_to(self, reader: Reader, progress: NothingDone | None = None) -> None:
        """Give the plans to another reader, and neither send nor print them.

        :param reader: gets the plans.
        :param progress: the part of the migration that an earlier run has done.
        """
        self._reader = reader
        self.resume = progress or self.resume


class DatabaseSchemaEditor(DatabaseSchemaEditorMixin, PostgresSchemaEditor):
    pass


# A run of migrate is noticed even if the connection class is another package's.
connect()
# An open editor has to be an instance of the class that its users import from here.
if (light := sys.modules.get(f"{__package__}.on_new_database")) is not None:
    light.become_planning()
