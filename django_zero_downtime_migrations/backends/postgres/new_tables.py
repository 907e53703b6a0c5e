"""Which tables nobody can be using yet: those that this very run of ``migrate`` has made, on this connection and in
this process.

Outside of a run (a schema editor of one's own) a table counts as new until its editor ends.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate

from ...execution.questions import Question, ask_together
from ...settings import MigrationSettings

if TYPE_CHECKING:
    from ...errors import CannotMigrate
    from ...findings import Finding
    from .journals import Journals

#: Whether there is any table.
ANY_TABLE = Question(
    """
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'm', 'f') AND c.relpersistence <> 't'
    AND n.nspname <> 'information_schema' AND n.nspname::pg_catalog.text NOT LIKE 'pg\\_%%'
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend d
        WHERE d.objid = c.oid AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
        AND d.deptype = 'e'
    )
)
""",
    columns=1,
)


class NewTables:
    """Quoted table names.

    :ivar plan: the run's own list of migrations, by which it is known.
    :ivar judged: the list has been judged as a whole.
    :ivar refused: what stops the run before its first statement.
    :ivar journals: where its migrations write down what they do; None without IDEMPOTENT_SQL.
    :ivar verbosity: that of the run. :ivar stream: where it writes, None outside of a run.
    """

    def __init__(self, running: bool = False, plan: Any = None, outer: Sequence[NewTables] = ()) -> None:
        self.running = running
        self.plan = plan
        #: The runs of which a migration has begun this one.
        self.outer = tuple(outer)
        #: The number of editors that are open.
        self.editors = 0
        self.judged = False
        self.refused: Finding | CannotMigrate | None = None
        self.journals: Journals | None = None
        self.has_read = False
        self.verbosity = 1
        self.stream: Any = None
        self.process = os.getpid()
        self.tables: set[str] = set().union(*(run.tables for run in outer))
        self._everything: bool | None = None if running else False

    def everything(self, connection: Any) -> bool:
        """Whether the run began on a database without any table."""
        if self._everything is None:
            self.know_any_table(*ask_together(connection, [ANY_TABLE]))
        assert self._everything is not None
        return self._everything

    def know_any_table(self, answer: list[tuple[Any, ...]]) -> None:
        """:param answer: to :data:`ANY_TABLE`."""
        self._everything = not answer[0][0]

    def settled(self, settings: MigrationSettings) -> MigrationSettings:
        """The settings with IDEMPOTENT_SQL decided: where it was left open, a run has journals or not."""
        if settings.idempotent_sql is not None:
            return settings
        return settings.named(idempotent_sql=self.journals is not None)

    @property
    def is_under_way(self) -> bool:
        """Whether one of its migrations has its editor open."""
        return self.editors > 0

    def under_way(self) -> set[tuple[str, str]]:
        """The migrations, by app and name, of which code has begun this run."""
        return {run.journals.under_way for run in self.outer if run.journals and run.journals.under_way}

    def rename(self, old: str, new: str) -> None:
        if old in self.tables:
            self.tables.remove(old)
            self.tables.add(new)


#: The runs under way on a connection, one inside another: a RunPython may call ``migrate``.
_by_connection: WeakKeyDictionary[Any, list[NewTables]] = WeakKeyDictionary()


def new_tables(connection: Any) -> NewTables:
    """Those of the innermost run that is under way on this connection, else an empty set for an editor of its own."""
    runs = _by_connection.get(connection)
    return runs[-1] if runs and runs[-1].process == os.getpid() else NewTables()


def begin(connection: Any, plan: Any) -> NewTables:
    """The run of this plan. Django sends its signal once for each app; only the first begins the run."""
    runs = [run for run in _by_connection.get(connection, ()) if run.process == os.getpid()]
    known = next((run for run in runs if run.plan is plan), None)
    if known is None:
        # What is known of a run that has not ended, and has no migration under way, is from a plan that was given up.
        outer = [run for run in runs if run.is_under_way]
        known = NewTables(running=True, plan=plan, outer=outer)
        runs = [*outer, known]
    _by_connection[connection] = runs
    return known


def _begin(using: str, plan: Any = None, verbosity: int = 1, stdout: Any = None, **kwargs: Any) -> None:
    connection = connections[using]
    run = begin(connection, plan)
    run.verbosity, run.stream = verbosity, stdout
    read_journal(connection, run)


def read_journal(connection: Any, run: NewTables) -> None:
    """Once in a run of ``migrate``, unless IDEMPOTENT_SQL is off."""
    if run.plan is None or run.has_read or not hasattr(connection.SchemaEditorClass, "once"):
        return
    run.has_read = True
    if MigrationSettings.load(connection.alias).idempotent_sql is not False:
        from .journals import prepare

        prepare(connection, run)


def end(connection: Any, run: NewTables | None = None, complete: bool = False) -> None:
    """The run is over, or has failed: from now on its tables are in use like any other.

    :param run: None for the innermost one.
    :param complete: all its migrations are recorded.
    """
    runs = _by_connection.get(connection, [])
    if run is None:
        run = runs[-1] if runs else None
    if run not in runs:
        return
    assert run is not None
    for over in reversed(runs[runs.index(run) :]):
        # Those inside of it have failed, and the code that called them went on.
        if over.journals is not None and over.process == os.getpid():
            over.journals.close(complete and over is run)
    del runs[runs.index(run) :]


def _end(using: str, plan: Any = None, **kwargs: Any) -> None:
    connection = connections[using]
    run = next((run for run in _by_connection.get(connection, ()) if run.plan is plan), None)
    if run is not None:
        end(connection, run, complete=True)


pre_migrate.connect(_begin, dispatch_uid="django_zero_downtime_migrations.begin")
post_migrate.connect(_end, dispatch_uid="django_zero_downtime_migrations.end")
