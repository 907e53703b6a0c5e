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
    """To be put before any PostgreSQL schema editor.

    While one of :class:`.calls.Calls` runs, ``execute()`` only records. When the outermost returns, what it recorded
    is planned, judged and run (``migrate``), or written down (``sqlmigrate``).
    """

    is_ours = True
    connection: Any
    collect_sql: bool
    collected_sql: list[str]
    quote_value: Callable[[Any], Any]
    _recorded: list[s.Statement] | None = None
    #: What reaches the server now is sent, and not only said, by an override of ``execute``.
    is_executing = False
    #: What the code that still runs knows; ``check_migrations`` says so.
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
        """What prints the plans, or sends them."""
        if not collect_sql:
            return super()._new_reader(collect_sql, stated)
        return Script(self.connection, self.settings, self._own, self.collected_sql, self._send)

    def hand_plans_to(self, reader: Reader, progress: NothingDone | None = None) -> None:
        """Judge what is planned, and neither send nor print it.

        :param reader: gets the plans.
        :param progress: what an earlier run has done of the migration.
        """
        self._reader = reader
        self.resume = progress or self.resume


class DatabaseSchemaEditor(DatabaseSchemaEditorMixin, PostgresSchemaEditor):
    pass


# A run of migrate is noticed also where the connection class is that of another package.
connect()
# An editor that is open has to be of the class that whoever imports it knows.
if (light := sys.modules.get(f"{__package__}.on_new_database")) is not None:
    light.become_planning()
