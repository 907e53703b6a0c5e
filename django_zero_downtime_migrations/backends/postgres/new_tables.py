"""Which tables nobody can be using yet: those that this very run of ``migrate`` has made, on this connection and in
this process.

Outside of a run (a schema editor of one's own) a table counts as new until its editor ends.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate

from ...settings import MigrationSettings

if TYPE_CHECKING:
    from ...errors import CannotMigrate
    from ...findings import Finding
    from .journals import Journals

_ANY_TABLE = """
SELECT EXISTS (
    SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'm', 'f') AND c.relpersistence <> 't'
    AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%%'
    AND NOT EXISTS (
        SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e'
    )
)
"""


class NewTables:
    """Quoted table names.

    :ivar plan: the run's own list of migrations, by which it is known.
    :ivar judged: the list has been judged as a whole.
    :ivar refused: what stops the run before its first statement.
    :ivar journals: where its migrations write down what they do; None without IDEMPOTENT_SQL.
    :ivar verbosity: that of the run. :ivar stream: where it writes, None outside of a run.
    """

    def __init__(self, running: bool = False, plan: Any = None) -> None:
        self.running = running
        self.plan = plan
        self.judged = False
        self.refused: Finding | CannotMigrate | None = None
        self.journals: Journals | None = None
        self.has_read = False
        self.verbosity = 1
        self.stream: Any = None
        self.process = os.getpid()
        self.tables: set[str] = set()
        self._everything: bool | None = None if running else False

    def everything(self, connection: Any) -> bool:
        """Whether the run began on a database without any table."""
        if self._everything is None:
            with connection.cursor() as cursor:
                cursor.execute(_ANY_TABLE)
                self._everything = not cursor.fetchone()[0]
        return self._everything

    def rename(self, old: str, new: str) -> None:
        if old in self.tables:
            self.tables.remove(old)
            self.tables.add(new)


_by_connection: WeakKeyDictionary[Any, NewTables] = WeakKeyDictionary()


def new_tables(connection: Any) -> NewTables:
    """Those of the run that is under way on this connection, else an empty set for an editor of its own."""
    known = _by_connection.get(connection)
    if known is None or not known.running or known.process != os.getpid():
        return NewTables()
    return known


def begin(connection: Any, plan: Any) -> NewTables:
    """The run of this plan. Django sends its signal once for each app; only the first begins the run."""
    known = _by_connection.get(connection)
    if known is None or known.plan is not plan:
        known = _by_connection[connection] = NewTables(running=True, plan=plan)
    return known


def _begin(using: str, plan: Any = None, verbosity: int = 1, stdout: Any = None, **kwargs: Any) -> None:
    connection = connections[using]
    run = begin(connection, plan)
    run.verbosity, run.stream = verbosity, stdout
    read_journal(connection, run)


def read_journal(connection: Any, run: NewTables) -> None:
    """Once in a run of ``migrate``, where IDEMPOTENT_SQL is on."""
    if run.plan is None or run.has_read or not hasattr(connection.SchemaEditorClass, "once"):
        return
    run.has_read = True
    if MigrationSettings.load(connection.alias).idempotent_sql:
        from .journals import prepare

        prepare(connection, run)


def end(connection: Any, complete: bool = False) -> None:
    """The run is over, or has failed: from now on its tables are in use like any other.

    :param complete: all its migrations are recorded.
    """
    run = _by_connection.pop(connection, None)
    if run is not None and run.journals is not None:
        run.journals.close(complete)


def _end(using: str, **kwargs: Any) -> None:
    end(connections[using], complete=True)


pre_migrate.connect(_begin, dispatch_uid="django_zero_downtime_migrations.begin")
post_migrate.connect(_end, dispatch_uid="django_zero_downtime_migrations.end")
