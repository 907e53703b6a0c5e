"""A run of ``migrate``, and the tables that cannot be in use yet: the ones that this run has made, on this connection
and in this process.

Outside a run (a schema editor of one's own) a table counts as new until its editor ends.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from ..django_types import Connection, Steps
from ..errors import MigrationError
from ..naming import unquote
from ..settings import MigrationSettings

if TYPE_CHECKING:
    from ..ddl import statements as s
    from ..execution.batches.position import Whose
    from ..execution.kept import Kept
    from ..execution.owed.debts import Debt
    from .journals import Journals

#: The runs of each connection: Django's signals do not reach the schema editor, and both are given the connection.
_ATTRIBUTE = "_zero_downtime_migrations_runs"


class MigrateRun:
    """The knowledge and the duties of a run.

    :ivar plan: Django's own list of (migration, backwards), which identifies the run; None outside a run.
    :ivar outer: the runs of which a migration has begun this one.
    :ivar verbosity: the verbosity of ``migrate``.
    :ivar stream: where ``migrate`` writes; None outside a run.
    :ivar tables: the quoted names of the tables that it has made.
    :ivar refusal: the error that stops the run before its first statement.
    :ivar journals: its migrations write down there what they do; None if they do not.
    """

    def __init__(
        self,
        connection: Connection,
        plan: Steps | None = None,
        outer: Sequence[MigrateRun] = (),
        verbosity: int = 1,
        stream: TextIO | None = None,
        is_running: bool = False,
    ) -> None:
        self.connection = connection
        self.plan = plan
        self.outer = tuple(outer)
        self.verbosity = verbosity
        self.stream = stream
        self.tables: set[str] = set().union(*(run.tables for run in outer))
        self.refusal: MigrationError | None = None
        self.journals: Journals | None = None
        #: The types kept by earlier runs, once they have been read.
        self.kept: Kept | None = None
        #: The debts of earlier migrations and of this run; None before they were read.
        self.debts: list[Debt] | None = None
        #: The columns that it has added to tables in use, by table and plain name.
        self.columns: set[tuple[str, str]] = set()
        #: Whether it has left debts, or taken some back.
        self.has_debts = False
        #: Whether no other session was there when an operation was planned.
        self.alone: dict[Whose, bool] = {}
        #: Whether it has paid the debts of earlier runs, if it could.
        self.is_contracted = False
        self._editors = 0
        self._loaded: MigrationSettings | None = None
        self._settled: MigrationSettings | None = None
        self._process = os.getpid()
        self._is_prepared = self._is_judged = False
        self._is_new_database: bool | None = None if is_running else False

    # Its beginning

    def prepare(self) -> None:
        """Take the turn and find what earlier runs have left, once, unless IDEMPOTENT_SQL is off.

        :raises CannotMigrate: when another run is at work for longer than MIGRATE_LOCK_TIMEOUT, or when the run is
            refused and has no table of records yet.
        """
        if self.plan is None or self._is_prepared:
            return
        self._is_prepared = True
        settings = self.loaded
        if settings.idempotent_sql is False:
            return
        self.connection.ensure_connection()
        if self.connection.connection is None:
            # A stand-in for a connection, as in Django's own tests, has no server that could keep a journal.
            return
        # Imported here, as below: most processes of a project migrate nothing.
        from .start import prepare

        under_way = {run.journals.under_way for run in self.outer if run.journals and run.journals.under_way}
        found = prepare(self.connection, settings, self.plan, under_way)
        self.journals, self.refusal, self.kept = found.journals, found.refusal, found.kept
        if found.refusal is not None and found.at_once:
            raise found.refusal
        if found.is_new_database is not None:
            self._is_new_database = found.is_new_database

    def judge(self) -> None:
        """Judge the whole plan, once."""
        if not self.plan or self._is_judged or self.refusal or self.is_new_database:
            return
        from .judge_whole_plan import refusal

        self._is_judged = True
        interrupted = self.journals.interrupted if self.journals else frozenset()
        self.refusal = refusal(self.connection, self.plan, interrupted)

    @property
    def loaded(self) -> MigrationSettings:
        """Return the project's settings. A run reads them once."""
        if self.plan is None:
            return MigrationSettings.load(self.connection.alias)
        if self._loaded is None:
            self._loaded = MigrationSettings.load(self.connection.alias)
        return self._loaded

    def settled(self, settings: MigrationSettings) -> MigrationSettings:
        """Return the settings with IDEMPOTENT_SQL decided: if it was left open, a run has journals or not."""
        if settings.idempotent_sql is not None:
            return settings
        keeps = self.journals is not None
        if settings is not self._loaded:
            return settings.named(idempotent_sql=keeps)
        if self._settled is None or self._settled.idempotent_sql is not keeps:
            self._settled = settings.named(idempotent_sql=keeps)
        return self._settled

    # The database, and the tables

    @property
    def is_new_database(self) -> bool:
        """Return whether the run began on a database without any table."""
        if self._is_new_database is None:
            from ..execution.session.questions import ask_together
            from .new_database import ANY_TABLE

            [[(any_table,)]] = ask_together(self.connection, [ANY_TABLE])
            self._is_new_database = not any_table
        return self._is_new_database

    @property
    def began_with_nothing(self) -> bool:
        """Like :attr:`is_new_database`; it asks nothing if the first migration of the run depends on another one,
        which then is there. A run that only has code needs no answer.
        """
        if self._is_new_database is None:
            migration, backwards = self.plan[0] if self.plan else (None, True)
            if backwards or migration is None or migration.dependencies:
                return False
        return self.is_new_database

    def made(self, *tables: str) -> None:
        self.tables.update(tables)

    def dropped(self, *tables: str) -> None:
        self.tables.difference_update(tables)

    def renamed(self, old: str, new: str) -> None:
        if old in self.tables:
            self.tables.remove(old)
            self.tables.add(new)
        self.columns = {(new if table == old else table, column) for table, column in self.columns}

    def made_column(self, statement: s.AddColumn | s.RenameColumn) -> None:
        """Note that a column is new, or has another name."""
        column = unquote(statement.column)
        new = unquote(getattr(statement, "new_column", statement.column))
        if new == column or (statement.table, column) in self.columns:
            self.columns.add((statement.table, new))

    def owes(self, statement: s.Owe | s.OweNoMore) -> None:
        """Note a debt, or its end."""
        from ..execution.owed.debts import debt_of

        left = [debt for debt in self.debts or () if debt.id != statement.owed_by]
        self.debts = [*left, *debt_of(statement)]
        self.has_debts = True

    # Its editors, and its end

    def editor_opens(self) -> None:
        """Note that a migration of the run has its editor."""
        self._editors += 1

    def editor_ends(self, failed: bool) -> None:
        """Note that a migration's editor has ended; with the outermost that has failed, the run ends."""
        self._editors -= 1
        if failed and not self._editors:
            self.end()

    @property
    def is_under_way(self) -> bool:
        """Whether one of its migrations has its editor open."""
        return self._editors > 0

    @property
    def is_of_this_process(self) -> bool:
        return self._process == os.getpid()

    def end(self, complete: bool = False) -> None:
        """End this run and the ones inside it: from now on its tables are in use like any other.

        :param complete: all its migrations are recorded.
        """
        runs = runs_of(self.connection)
        if self not in runs:
            return
        for over in reversed(runs[runs.index(self) :]):
            # Inner runs have failed, and the code that called them went on.
            if over.journals is not None and over.is_of_this_process:
                over.journals.close(complete and over is self)
        del runs[runs.index(self) :]


def runs_of(connection: Connection) -> list[MigrateRun]:
    """Return the running runs of a connection, one inside another: a RunPython may call ``migrate``."""
    runs: list[MigrateRun] = vars(connection).setdefault(_ATTRIBUTE, [])
    return runs


def run_of(connection: Connection) -> MigrateRun:
    """Return the innermost run on this connection, else a run for an editor of its own."""
    runs = runs_of(connection)
    return runs[-1] if runs and runs[-1].is_of_this_process else MigrateRun(connection)


def begin(connection: Connection, plan: Steps | None, verbosity: int = 1, stream: TextIO | None = None) -> MigrateRun:
    """Return the run of this plan. Django sends its signal once for each app; only the first begins the run."""
    runs = [run for run in runs_of(connection) if run.is_of_this_process]
    known = next((run for run in runs if run.plan is plan), None)
    if known is None:
        # A run that has not ended, and has no running migration, is from a plan that was given up.
        outer = [run for run in runs if run.is_under_way]
        known = MigrateRun(connection, plan, outer, verbosity, stream, is_running=True)
        runs = [*outer, known]
    runs_of(connection)[:] = runs
    return known
