"""The part of the schema editor that changes rows of tables in use: ``Backfill`` calls it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from ...catalog.projection import Projection
from ...ddl import statements as s
from ...django_types import Connection, Model
from ...errors import CannotMigrate
from ...execution.reader import Reader
from ...log import logger
from ...migrate_run.migration_at_work import operation_at_work, own_operation_at_work
from ...migrate_run.progress import Call
from ...migrate_run.run import MigrateRun
from ...naming import Names
from ...settings import MigrationSettings

if TYPE_CHECKING:
    from ...execution.batches.each import Chosen
    from ...execution.batches.position import Caller, Whose


class ChangedRows:
    """The methods for rows. This class precedes the recording ones."""

    connection: Connection
    collect_sql: bool
    collected_sql: list[str]
    migrate_run: MigrateRun
    names: Names
    once: Callable[..., None]
    settings: MigrationSettings
    treat_as_new: Callable[[str], bool]
    _assured: str
    _migration: tuple[str, str] | None
    _operation: int | None
    _own: Any
    _planning: Callable[..., AbstractContextManager[Call]]
    _projection: Projection
    _reader: Reader
    _record: Callable[[s.Statement], None]

    def backfill(self, model: Model, update: Any) -> None:
        """Change rows of a table, in batches if it may be in use.

        :param update: an ``operations.update.Compiled``.
        """
        table = self.names.spelled(update.table)
        with self._planning("backfill", model):
            (sql, params), (assignment, own), (where, _) = update.whole, update.assignment, update.where
            parts = {"assignment": assignment, "where": where, "first": len(own), "columns": update.columns}
            self._record(s.UpdateRows(sql=sql, params=params, table=table, **parts))

    def backfill_each(self, chosen: Chosen) -> None:
        """Give rows to a function, in batches if their table may be in use."""
        if not self._has_traffic(self.names.spelled(chosen.table)):
            self.once(lambda apps, editor: chosen.give_all(self.connection.alias), chosen.apps, None)
            return
        from ...execution.batches.each import Each

        self._own.close()
        each = Each(self.connection, self.settings, chosen, self._caller())
        # The whole is not a transaction: each batch is one.
        self.once(lambda apps, editor: each.run(), chosen.apps, False)

    def backfill_later(self, model: Model) -> bool:
        """Write down that rows of the model are to be changed, and leave that to ``manage.py backfills --run``.

        :returns: whether it is written down; otherwise they are to be changed now.
        :raises CannotMigrate: when the operation stands inside another, where it could not be found again.
        """
        self._refuse_inside()
        table, whose = self.names.spelled(self.connection.ops.quote_name(model._meta.db_table)), self._whose()
        if self._reader.is_silent or whose is None or not self._has_traffic(table):
            return False
        from ...execution.batches.later import Later

        later = Later(self.connection, whose, table)
        if self.collect_sql:
            self._reader.close()
            self.collected_sql += [
                "-- manage.py backfills --run changes the rows.",
                "BEGIN;",
                f"{later.sql};",
                "COMMIT;",
            ]
            return True
        if not later.has_rows:
            return False
        if why := later.why_not():
            logger.warning("%s: the rows of %s are changed now, since %s", whose, table, why)
            return False
        # Django records the migration in the same transaction, unless a statement that stands alone comes before.
        self._own.open()
        self.once(lambda apps, editor: later.write(), None, None)
        logger.warning("%s: rows of %s are owed. `manage.py backfills --run` changes them.", whose, table)
        return True

    def forget_later(self, model: Model) -> None:
        """Forget what was left for later, when the migration is taken back: the rows stay as they are."""
        whose = self._whose()
        if self._reader.is_silent or whose is None:
            return
        from ...execution.batches.later import Later

        later = Later(self.connection, whose, "")
        if self.collect_sql:
            self.collected_sql.append(f"{later.forgetting};")
        else:
            self.once(lambda apps, editor: later.forget(), None, None)

    def still_owed(self, app_label: str, name: str, operations: Sequence[int]) -> list[str]:
        """Return the names of what a migration has left for later, and is not done; a script does not know it yet.

        :param operations: the numbers of the operations that leave it.
        :raises CannotMigrate: when that cannot be told.
        """
        if self.collect_sql and not self._reader.is_silent:
            self.collected_sql.append(f"-- When manage.py backfills lists nothing of {app_label}.{name}.")
            return []
        from ...execution.batches.position import Whose
        from ...execution.batches.records import Backfills

        return Backfills(self.connection).owed_by([Whose(app_label, name, number) for number in operations])

    def _refuse_inside(self) -> None:
        now = operation_at_work()
        if self._assured or (now is not None and not getattr(now.operation, "later", False)):
            raise CannotMigrate(
                "Backfill(later=True) stands inside another operation, where manage.py backfills --run could not find "
                "it again. Let it stand in the list of its migration."
            )

    def _has_traffic(self, table: str) -> bool:
        """Return whether other sessions may be using it, and the caller has no open transaction."""
        return not (self._own.of_caller or self._projection.is_new(table) or self.treat_as_new(table))

    def _caller(self) -> Caller:
        from ...execution.batches.position import Caller

        run = self.migrate_run
        return Caller(self._whose(), run.stream if run.verbosity else None)

    def _whose(self) -> Whose | None:
        """Return the running operation, as it stands in its migration."""
        # Imported here, as above: most processes of a project migrate nothing.
        from ...execution.batches.position import Whose

        if self._migration is None or self._operation is None:
            return None
        # A migration taken back begins with its last operation, and contenttypes puts one behind each rename.
        own = own_operation_at_work()
        return Whose(*self._migration, own.number if own else self._operation)
