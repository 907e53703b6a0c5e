"""``Backfill``: new values for the rows of a table in use, in batches that lock rows for moments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.db import router, transaction
from django.db.migrations.operations.base import Operation
from django.db.models import Q

from ..django_types import Connection, Model, StateApps
from .update import chosen, update_of

if TYPE_CHECKING:
    from ..execution.batches.position import Caller

#: A function that gets the historical apps and a QuerySet of rows.
Each = Callable[[Any, Any], object]
#: Django's own text for an operation that a script cannot have.
NO_SQL = "-- THIS OPERATION CANNOT BE WRITTEN AS SQL"


class Backfill(Operation):
    """Give rows of a model other values, as ``QuerySet.update()`` does, a few pages of the table at a time; or give
    them to a function.

    Each batch is committed by itself and takes BACKFILL_BATCH_TIME; a row that another session has locked is left for
    later. The next run of an ended backfill continues where that stopped, and no row is changed twice. Taking it back
    does nothing.

    :param model_name: the model, in the migration's app.
    :param values: for each field a value or an expression, as ``QuerySet.update()`` takes them. Expressions of other
        tables are in a ``Subquery``.
    :param where: the condition of the rows. A changed row must not meet it any more. It can be left out if no value is
        computed from a changed field: then the rows with other values are changed.
    :param each: in place of values, a function at the top of a module. It is called with the historical apps, as a
        RunPython, and a QuerySet of the rows of one batch, which are locked, in the transaction of the batch.
    :param later: the migration only writes down, in its transaction, that the rows are to be changed, and
        ``manage.py backfills --run`` changes them. On a table that is new or empty, with another database's engine,
        and if that cannot be written down, they are changed at once.
    :raises ValueError: with neither values nor a function, with both, with a function and no condition, and with a
        function that no migration file could name.

    ``Backfill("Order", {"total_cents": F("total") * 100}, where=Q(total_cents=None))``

    ``Backfill("Order", each=fill_slugs, where=Q(slug=""))``
    """

    reduces_to_sql = True
    reversible = True
    #: Django must not open a transaction around it.
    atomic = False

    def __init__(
        self,
        model_name: str,
        values: Mapping[str, Any] | None = None,
        where: Q | None = None,
        # None of these is keyword-only: Django's writer before 5.2 leaves such parameters out of the file.
        each: Each | None = None,
        later: bool = False,
    ) -> None:
        if bool(values) == (each is not None):
            raise ValueError(
                "Backfill needs values, or a function, and not both: write a field and what it gets, for example "
                'Backfill("Order", {"total_cents": F("total") * 100}, where=Q(total_cents=None)), or '
                'Backfill("Order", each=fill_slugs, where=Q(slug="")).'
            )
        if each is not None:
            _refuse_unnamed(each)
            _refuse_unconditional(each, where)
        self.model_name = model_name
        self.values = dict(values or {})
        self.where = where
        self.each = each
        self.later = later

    @property
    def model_name_lower(self) -> str:
        return self.model_name.lower()

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        given = {"values": self.values or None, "where": self.where, "each": self.each, "later": self.later or None}
        return (
            type(self).__qualname__,
            [],
            {"model_name": self.model_name, **{name: value for name, value in given.items() if value is not None}},
        )

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Change nothing: rows are not in the state."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Change the rows; with another package's schema editor, by one UPDATE or one call of the function.

        :raises CannotMigrate: when the backfill would never end, or a field is not in the model's own table.
        """
        apps = from_state.apps
        model = apps.get_model(app_label, self.model_name)
        if not _has_rows_there(schema_editor.connection.alias, model):
            return
        owe = getattr(schema_editor, "backfill_later", None) if self.later else None
        if owe is not None and owe(model):
            return
        if self.each is not None:
            self._give(self.each, schema_editor, apps, model)
            return
        update = update_of(schema_editor.connection, model, self.values, self.where)
        if update is None:
            return
        own = getattr(schema_editor, "backfill", None)
        if own is None:
            schema_editor.execute(*update.whole)
        else:
            own(model, update)

    def _give(self, each: Each, schema_editor: Any, apps: StateApps, model: Model) -> None:
        alias = schema_editor.connection.alias
        rows = chosen(schema_editor.connection, apps, model, self.where or Q(), each)
        if schema_editor.collect_sql:
            schema_editor.collected_sql.append(NO_SQL)
        elif rows is None:
            return
        elif own := getattr(schema_editor, "backfill_each", None):
            own(rows)
        else:
            with transaction.atomic(alias):
                rows.give_all(alias)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Leave the rows, whose old values are unknown; end a backfill that was left for later."""
        forget = getattr(schema_editor, "forget_later", None)
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.later and forget is not None and _has_rows_there(schema_editor.connection.alias, model):
            forget(model)

    def run_later(self, connection: Connection, app_label: str, apps: StateApps, caller: Caller) -> int:
        """Change the rows as the migration would have done, and return the number of changed rows.

        :param apps: the models of the state before the operation.
        :raises MigrationError: as the migration does.
        """
        # Imported here: importing a migration does not run it.
        from ..execution.batches import each
        from ..execution.batches.fill import fill
        from ..planning.queries import Query, Rows
        from ..server import names_of
        from ..settings import MigrationSettings

        model = apps.get_model(app_label, self.model_name)
        settings = MigrationSettings.load(connection.alias)
        if self.each is not None:
            rows = chosen(connection, apps, model, self.where or Q(), self.each)
            return each.Each(connection, settings, rows, caller).run() if rows else 0
        update = update_of(connection, model, self.values, self.where)
        if update is None:
            return 0
        table = names_of(connection).spelled(update.table)
        assignment, where = (Query(text.sql, text.params) for text in (update.assignment, update.where))
        work = Rows(table, assignment, where)
        return fill(connection, work, settings, caller)

    def describe(self) -> str:
        if self.each is not None:
            return f"Backfill {self.model_name} by {self.each.__qualname__}"
        return f"Backfill {', '.join(self.values)} of {self.model_name}"

    @property
    def migration_name_fragment(self) -> str:
        what = self.each.__name__.lower() if self.each is not None else "_".join(self.values)
        return f"backfill_{self.model_name_lower}_{what}"

    def references_model(self, name: str, app_label: str) -> bool:
        """Return True: an expression may refer to any model."""
        return True


def _has_rows_there(alias: str, model: Model) -> bool:
    """Return whether a database has a model's rows; ``allow_migrate_model`` excludes proxies and unmanaged models."""
    return not model._meta.swapped and bool(router.allow_migrate_model(alias, model))


def _refuse_unnamed(each: Each) -> None:
    if not callable(each):
        raise ValueError(f"Backfill(each={each!r}): write a function, as def fill(apps, rows): …")
    if "<" in getattr(each, "__qualname__", "<"):
        raise ValueError(
            f"Backfill(each={each!r}): a migration file has to be able to name it, and the next run to know it again. "
            "Write a function at the top of a module, as def fill(apps, rows): …, and no lambda or inner function."
        )


def _refuse_unconditional(each: Each, where: Q | None) -> None:
    # An updated row moves to another page, which may not have been read yet.
    if not where:
        raise ValueError(
            f"Backfill(each={each.__qualname__}) needs a condition that is false of each row that is done, as "
            'where=Q(slug=""): by nothing else one could tell which rows the function has been given already.'
        )
