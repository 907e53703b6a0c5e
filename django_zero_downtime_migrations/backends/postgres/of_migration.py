"""The part of the schema editor that a migration has from its beginning to its end, whether it plans or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from types import TracebackType
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError

from ...compat import deferred_params
from ...ddl.template import plain
from ...django_types import Connection, Params, StateApps
from ...execution.run import Runner
from ...execution.send import Sender
from ...execution.session.direct import takes_transactions
from ...execution.transactions import OwnTransaction, of_this_thread
from ...migrate_run.migration_at_work import migration_at_work, operation_at_work
from ...migrate_run.progress import Call, NothingDone
from ...migrate_run.run import run_of
from ...settings import MigrationSettings

if TYPE_CHECKING:
    from ...execution.reader import Reader
    from ...findings import Finding


class OfMigration:
    """The part that every schema editor of ours has. It stands before a PostgreSQL one, behind our other classes."""

    connection: Any
    collect_sql: bool
    deferred_sql: list[Any]
    execute: Callable[..., None]
    _planning: Callable[..., AbstractContextManager[Call]]
    #: What earlier runs have done of the migration.
    resume = NothingDone()

    def __init__(self, connection: Connection, collect_sql: bool = False, atomic: bool = True) -> None:
        connection = of_this_thread(connection)
        self._own = OwnTransaction(connection)
        self.atomic_wanted = atomic
        #: What is set for the whole session while the editor is open.
        self._session: ExitStack | None = None
        self._operation: int | None = None
        self._call = Call()
        # Without a transaction of the caller's, Django is told that the editor has none either: it then wraps RunPython
        # alone.
        parent: Any = super()
        parent.__init__(connection, collect_sql, atomic=atomic and self._own.of_caller)
        connection.features.supports_combined_alters = False
        self.migrate_run = run_of(connection)
        stated = self._stated(self.migrate_run.loaded)
        self.settings = self.migrate_run.settled(stated)
        self.findings: list[Finding] = []
        #: Those of calls for which RAISE_FOR_UNSAFE was on.
        self.enforced: list[Finding] = []
        self._assured = ""
        self._migration: tuple[str, str] | None = None
        self._column_items: list[str] = []
        self._old_types: dict[tuple[str, str], str] = {}
        self._reader: Reader = self._new_reader(collect_sql, stated)

    def _stated(self, settings: MigrationSettings) -> MigrationSettings:
        """Return the project's settings, with the ones of the class."""
        return settings

    def _new_reader(self, collect_sql: bool, stated: MigrationSettings) -> Reader:
        """Make the reader that sends the plans."""
        run = self.migrate_run
        sender = Sender(self.connection, self.settings, self._own, self._send, run.verbosity, run.stream)
        # What has to be planned may ask for it, and nothing else does.
        sender.caller = lambda: self._caller()  # type: ignore[attr-defined]
        return Runner(
            sender,
            in_use=lambda: not run.is_new_database,
            finds_tables=stated.idempotent_sql is True,
        )

    def _send(self, sql: str, params: Params) -> None:
        """Send a statement: the only way to the editors below and to the driver."""
        parent: Any = super()
        parent.execute(plain(str(sql)), params)

    def use_settings(self, settings: MigrationSettings) -> None:
        """Go by these settings from the next call on."""
        self.settings = settings
        self._reader.use_settings(settings)

    @contextmanager
    def with_settings(self, **changes: object) -> Iterator[None]:
        """Go by other values of some settings for a while.

        :param changes: the values by the settings' names, in lower case.
        """
        before = self.settings
        self.use_settings(before.named(**changes))
        try:
            yield
        finally:
            self.use_settings(before)

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
        # Outside the ``with`` block nothing would end the transaction.
        features = self.connection.features
        stated = vars(features).get("can_rollback_ddl", type(features).can_rollback_ddl)
        self._own.wanted = self.atomic_wanted and stated is not False
        return self

    def _refuse(self) -> None:
        """Refuse the migration before anything is sent.

        :raises MigrationError: what the run was refused for, or what a pooler stops.
        """
        from ...errors import MigrationError

        try:
            if self.migrate_run.refusal is not None:
                raise self.migrate_run.refusal
            if not (self._own.of_caller or takes_transactions(self.connection)):
                # Imported here: it is known of the connection of a run that is direct.
                from ...execution.session.pooler import refuse_statement_pooler

                refuse_statement_pooler(self.connection)
            if self.settings.lock_timeout_force and self.settings.lock_timeout is not None:
                from ...execution.session.session_lock_timeout import session_lock_timeout

                self._session = ExitStack()
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
                    self._execute_all(self.deferred_sql, deferred_params)
                    self.deferred_sql = []
                    parent.__exit__(None, None, None)
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
        """Say what failed, before anything is rolled back."""
        # Asked of a lost connection, Django would connect again.
        lost = self.connection.connection is None
        if self.collect_sql or (not lost and self._own.of_caller):
            return
        self._reader.say_what_stays(error)
        if isinstance(error, DatabaseError):
            # Imported here: most migrations do not fail.
            from ...errors import without_traceback
            from ...migrate_run.terminal import explains_record, is_of_code

            # The code of a RunPython may migrate as well: then the record is of another migration.
            known = not is_of_code(error)
            if known and (self._reader.has_explained(error) or explains_record(error, self._migration)):
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
            if self._session is not None:
                self._session.close()
            failed = kind is not None
        finally:
            self.resume.close(failed)
            if not self.collect_sql:
                self.migrate_run.editor_ends(failed)

    @contextmanager
    def assured(self, reason: str) -> Iterator[None]:
        """Accept the findings of what runs inside, on behalf of the migration's author.

        :param reason: why.
        """
        before, self._assured = self._assured, reason
        try:
            yield
        finally:
            self._assured = before

    # What Django, and what we, have put off until the end

    def finish(self, with_record: bool) -> None:
        """Run what is left for the end of the migration. If a transaction is open then, Django records the migration in
        it.

        :param with_record: open one.
        """
        if self._own.of_caller:
            return
        self._carry_out_what_waits()
        if self.deferred_sql:
            with self._planning("end"):
                self._record_renames()
                self._execute_all(self._deferred(), deferred_params)
            self.deferred_sql = []
        if with_record:
            # This is so for a non-atomic migration too: only its records follow now.
            self._own.wanted = True
            self._own.open()

    def _before_end(self) -> None:
        self._carry_out_what_waits()
        if not self.deferred_sql:
            self.resume.recorded()
        self.deferred_sql = self._deferred()
        self._reader.after_operations()

    def _carry_out_what_waits(self) -> None:
        """Nothing waits if nothing is planned."""

    def _execute_all(self, statements: list[Any], params: Params) -> None:
        """Execute statements of Django's, one after another."""
        for sql in statements:
            self.execute(sql, params)

    def _record_renames(self) -> None:
        """Record no rename: without a plan, no index is early."""

    def _deferred(self) -> list[Any]:
        """Return the statements that Django has put off."""
        return self.deferred_sql
