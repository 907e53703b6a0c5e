"""The seam to Django: calls of the schema editor become plans."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from inspect import getattr_static
from types import TracebackType
from typing import Any

from django.db import DatabaseError
from django.db.backends.postgresql.schema import DatabaseSchemaEditor as PostgresSchemaEditor

from ...catalog.projection import Projection
from ...ddl import statements as s
from ...ddl.template import wrap_templates
from ...django_types import Connection, StateApps
from ...errors import MigrationError, Unsafe, UnsafeOperationException, UnsafeOperationWarning, without_traceback
from ...execution.reader import Reader
from ...execution.run import Runner
from ...execution.script import Script
from ...execution.send import Sender
from ...execution.session_lock_timeout import session_lock_timeout
from ...execution.transactions import OwnTransaction, of_this_thread
from ...findings import Finding, Origin
from ...migrate_run.migration_at_work import migration_at_work, operation_at_work
from ...migrate_run.progress import Call, NothingDone
from ...migrate_run.run import run_of
from ...migrate_run.signals import connect
from ...migrate_run.terminal import is_of_code
from ...planning.context import OldCode
from ...settings import MigrationSettings
from .early_indexes import EarlyIndexes
from .ending import Ending
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
from .replaced import Replaced

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


class DatabaseSchemaEditorMixin(Recording, Ending, OldAttributes):
    """To be put before any PostgreSQL schema editor.

    While one of :class:`.calls.Calls` runs, ``execute()`` only records. When the outermost returns, what it recorded
    is planned, judged and run (``migrate``), or written down (``sqlmigrate``).
    """

    connection: Any
    collect_sql: bool
    collected_sql: list[str]
    deferred_sql: list[Any]
    quote_value: Callable[[Any], Any]
    _recorded: list[s.Statement] | None = None
    #: What reaches the server now is sent, and not only said, by an override of ``execute``.
    is_executing = False
    #: What the code that still runs knows; ``check_migrations`` says so.
    old_code: OldCode | None = None
    #: What earlier runs have done of the migration.
    resume = NothingDone()

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        wrap_templates(cls)
        wrap_settings(cls)
        wrap_execute(cls, DatabaseSchemaEditorMixin.execute)
        cls._own_triggers = "pgtrigger_" if hasattr(cls, "temporarily_drop_trigger") else ""

    def __init__(self, connection: Connection, collect_sql: bool = False, atomic: bool = True) -> None:
        connection = of_this_thread(connection)
        self._own = OwnTransaction(connection)
        self.atomic_wanted = atomic
        self._session = ExitStack()
        self._operation: int | None = None
        self._call = Call()
        # Without a transaction of the caller's, Django is told that the editor has none either: it then wraps RunPython
        # alone.
        parent: Any = super()
        parent.__init__(connection, collect_sql, atomic=atomic and self._own.of_caller)
        connection.features.supports_combined_alters = False
        self.migrate_run = run_of(connection)
        stated = own_settings(self, self.migrate_run.loaded)
        self.settings = self.migrate_run.settled(stated)
        self.findings: list[Finding] = []
        #: Those of calls for which RAISE_FOR_UNSAFE was on.
        self.enforced: list[Finding] = []
        self._projection = Projection()
        self._assured = ""
        self._migration: tuple[str, str] | None = None
        self._column_items: list[str] = []
        self._origin = Origin()
        self._old_types: dict[tuple[str, str], str] = {}
        self._replaced = Replaced()
        self._early = EarlyIndexes(lambda *name: parent._create_index_name(*name), lambda: self.names)
        self._reader: Reader = self._new_reader(collect_sql, stated)

    def _new_reader(self, collect_sql: bool, stated: MigrationSettings) -> Reader:
        """What prints the plans, or sends them."""
        if collect_sql:
            return Script(self.connection, self.settings, self._own, self.collected_sql, self._send)
        run = self.migrate_run
        sender = Sender(self.connection, self.settings, self._own, self._send, run.verbosity, run.stream)
        sender.caller = self._caller
        return Runner(
            sender,
            in_use=lambda: not self.nothing_in_use,
            finds_tables=stated.idempotent_sql is True,
        )

    def hand_plans_to(self, reader: Reader, progress: NothingDone | None = None) -> None:
        """Judge what is planned, and neither send nor print it.

        :param reader: gets the plans.
        :param progress: what an earlier run has done of the migration.
        """
        self._reader = reader
        self.resume = progress or self.resume

    def use_settings(self, settings: MigrationSettings) -> None:
        """From the next call on."""
        self.settings = settings
        self._reader.use_settings(settings)

    # Where an operation begins

    @property
    def atomic_migration(self) -> bool:
        """Django asks this before each operation of a migration: the one moment between two operations that an editor
        can see.
        """
        if self._operation is not None:
            # Those inside of SafetyAssured have its place.
            self._operation += 0 if self._assured else 1
            self._migration = self._migration or migration_at_work()
            self.resume.operation(self._operation)
            self._reader.between_operations(operation_at_work)
        return self._atomic_migration

    @atomic_migration.setter
    def atomic_migration(self, value: bool) -> None:
        self._atomic_migration = value

    def __enter__(self) -> Any:
        parent: Any = super()
        if not self.collect_sql:
            self._refuse()
        parent.__enter__()
        if not self.collect_sql:
            self.migrate_run.editor_opens()
        if self.migrate_run.journals is not None and not self.collect_sql:
            self.resume = self.migrate_run.journals.open(self._own, self._reader)
        self._operation = -1
        # Without its ``with`` block nobody would end the transaction.
        self._own.wanted = (
            self.atomic_wanted and getattr_static(self.connection.features, "can_rollback_ddl") is not False
        )
        return self

    def _refuse(self) -> None:
        """Before anything is sent.

        :raises MigrationError: what the run was refused for, or what a pooler stops.
        """
        try:
            if self.migrate_run.refusal is not None:
                raise self.migrate_run.refusal
            if not self._own.of_caller:
                # Imported here: most processes of a project migrate nothing.
                from ...execution.pooler import refuse_statement_pooler

                refuse_statement_pooler(self.connection)
            if self.settings.lock_timeout_force and self.settings.lock_timeout is not None:
                self._session.enter_context(session_lock_timeout(self.connection, self.settings.lock_timeout))
        except MigrationError:
            self._say("refused")
            self.migrate_run.end()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        parent: Any = super()
        self._operation = None
        try:
            if kind is None and not self._own.of_caller:
                is_planned = bool(self.deferred_sql)
                self._before_end()
                with self._planning("end") if is_planned else nullcontext():
                    self._record_renames()
                    parent.__exit__(None, None, None)
                    self.deferred_sql = []
            else:
                parent.__exit__(kind, error, traceback)
        except BaseException as failure:
            self._close(type(failure), failure, failure.__traceback__)
            raise
        self._close(kind, error, traceback)

    def _say(self, what: str) -> None:
        """End the line in which ``migrate`` names the migration that it applies."""
        if self.migrate_run.stream is not None and self.migrate_run.verbosity > 0:
            self.migrate_run.stream.write(f" {what}\n")

    def once(self, code: Callable[[Any, Any], None], apps: StateApps, atomic: bool | None) -> None:
        """Run the code of a RunPython unless an earlier run of this migration has."""
        self.resume.once(code, apps, self, atomic)

    def _failed(self, error: BaseException) -> None:
        """Before anything is rolled back."""
        # Asked of a lost connection, Django would connect again.
        lost = self.connection.connection is None
        if self.collect_sql or (not lost and self._own.of_caller):
            return
        self._reader.say_what_stays(error)
        if self._reader.has_explained(error) and isinstance(error, DatabaseError) and not is_of_code(error):
            without_traceback(error)
        self._say("interrupted" if isinstance(error, (KeyboardInterrupt, SystemExit)) else "failed")

    def _close(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            self._failed(error)
        self._reader.close()
        failed = True
        try:
            self._own.close(kind, error, traceback)
            self._own.wanted = False
            self._session.close()
            failed = kind is not None
        finally:
            self.resume.close(failed)
            if not self.collect_sql:
                self.migrate_run.editor_ends(failed)


class DatabaseSchemaEditor(DatabaseSchemaEditorMixin, PostgresSchemaEditor):
    pass


# A run of migrate is noticed before the first schema editor opens, also by an editor over a wrapper of somebody else.
connect()
