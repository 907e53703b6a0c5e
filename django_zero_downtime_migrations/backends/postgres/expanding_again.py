"""The part of the schema editor that makes again what old code needs, when a Contract that dropped it is taken back."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from django.db.backends.ddl_references import Statement as DjangoStatement
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import NOT_PROVIDED

from ...ddl.values import with_values
from ...django_types import Field, Model, ProjectState
from ...errors import CannotMigrate
from ...log import logger
from ...migrate_run import fills, removals, renames
from ...migrate_run.migration_at_work import Own, migration_at_work
from ...printable import printable
from .expanding import owe
from .expanding_fills import ExpandingFills
from .expanding_renames import ExpandingRenames, Stock


class ExpandingAgain(ExpandingRenames, ExpandingFills):
    """The methods that make again what old code needs. This class precedes the recording ones."""

    create_model: Any
    _replace_again: Callable[[Own, ProjectState, ProjectState], None]
    db_default_sql: Any

    def _expand_again(self, own: Own, before: ProjectState, after: ProjectState) -> None:
        """Make again what an operation has left for old code.

        :param own: the operation, as it stands in its Expand.
        :param before: the state before it.
        :param after: the state after it.
        """
        operation, name = own.operation, type(own.operation).__name__
        is_rename = name in renames.OPERATIONS
        state = after if is_rename or name == "AddField" else before
        model = state.apps.get_model(own.app, _model_name(own, is_rename))
        if not operation.allow_migrate_model(self.connection.alias, model) or self._is_unused(own, model):
            return
        if is_rename:
            self._rename_again(own, before, after)
        elif name == "ReplaceField":
            self._replace_again(own, before, after)
        elif name == "AddField":
            self._keep_default_again(own, model)
        elif name == "AlterField":
            self._fill_again(own, after.apps.get_model(own.app, operation.model_name))
        else:
            self._bring_again(own, removals.of_operation(operation, own.app, before.apps, self.connection))

    def _is_unused(self, own: Own, model: Model) -> bool:
        """Return whether no session can be using the table; if it is gone, whether no other session is connected."""
        table = self.names.as_sql(model._meta.db_table)
        if not self._catalog().exists(table):
            table = self.names.as_sql(str(MigrationRecorder.Migration._meta.db_table))
        # A column or name that an interrupted run has made needs its debt: without it no Contract would drop it again.
        journals = self.migrate_run.journals
        goes_on = journals is not None and migration_at_work() in journals.interrupted
        is_unused = not goes_on and (not self._has_traffic(table) or self._is_alone(own, [table]))
        # The operation itself would ask about other tables, so the answer is kept for it.
        self.migrate_run.alone[own.whose] = is_unused
        return is_unused

    def _owes_again(self, own: Own, kept: removals.Stays) -> None:
        """Write the debt down, also for a new table, where the text of the statement itself is sent."""
        written = "" if self._call.past else self._owing(own.whose, kept)
        self._record(owe(own.whose, kept, written).named(sql=written))

    # Removals

    def _bring_again(self, own: Own, going: list[removals.Goes]) -> None:
        """Add the removed column or table once more, in the form that code without a field for it needs."""
        if not going:
            return
        with self._planning("expand_again", going[0].model, going[0].field):
            kept = removals.stays(going, self.names)
            for table, goes in zip(kept.tables, going, strict=True):
                if goes.field is not None:
                    if self._call.past or self._catalog().column(table, kept.column) is None:
                        self.add_field(goes.model, _empty(removals.for_new_code(goes, goes.field)))
                elif goes is going[0] and (self._call.past or not self._catalog().exists(table)):
                    self._make_again(goes.model)
            if not self._call.past and kept.column:
                self._count(kept, going)
            self._owes_again(own, kept)

    def _make_again(self, model: Model) -> None:
        """Create a table and those of its ManyToManyFields without foreign keys, so that new code can delete rows."""
        there = list(self.deferred_sql)
        self.create_model(model)
        made = [x for x in self.deferred_sql if not any(x is y for y in there)]
        keys = [x for x in made if isinstance(x, DjangoStatement) and "to_table" in x.parts]
        self.deferred_sql = [x for x in self.deferred_sql if not any(x is key for key in keys)]

    # Values for old code's rows

    def _keep_default_again(self, own: Own, model: Model) -> None:
        field: Any = copy.copy(model._meta.get_field(own.operation.name))
        field.default = own.operation.field.default
        if not fills.suits_old_code(field, self._effective_default(field)):
            return
        with self._planning("expand_again", model, field):
            changes, params = self._alter_column_default_sql(model, None, field)
            table = self.connection.ops.quote_name(model._meta.db_table)
            self.execute(self.sql_alter_column % {"table": table, "changes": changes}, params)
            self._owes_again(own, fills.default_of(model, field, self.names))

    def _fill_again(self, own: Own, model: Model) -> None:
        field: Any = copy.copy(model._meta.get_field(own.operation.name))
        field.default = own.operation.field.default
        kept, value = fills.filled(model, field, self.names), self._value(field)
        if not value or not self._is_understood(value, kept):
            return
        with self._planning("expand_again", model, field):
            if not self._call.past:
                self._record(self._triggers(kept).filling(value))
            self._owes_again(own, kept)

    def _value(self, field: Field) -> str:
        """Return the SQL of the value in place of NULL; empty if the field has no default."""
        if removals.has_value(field):
            sql, params = self.db_default_sql(field)
        else:
            default = self._effective_default(field)
            sql, params = ("", ()) if default is None else ("%s", (default,))
        return with_values(sql, params, self.quote_value) if params else str(sql)

    # Renames

    def _rename(self, own: Own, kept: removals.Stays, table: str, stock: Stock) -> None:
        """Rename, and keep the old name.

        :raises CannotMigrate: if EXPAND_CONTRACT is on for this operation only.
        """
        if self._only_here:
            raise CannotMigrate(
                f"{own.whose} gives an old name to a view, and while EXPAND_CONTRACT is off Django groups by the key "
                "alone, which is an error there. Set it to True for every process, release that, and migrate then. "
                "Nothing was sent."
            )
        super()._rename(own, kept, table, stock)

    def _rename_again(self, own: Own, before: ProjectState, after: ProjectState) -> None:
        if self._only_here:
            logger.warning(
                "%s gives no old name back, since EXPAND_CONTRACT is not on: %s",
                own.whose,
                printable(own.operation.describe()),
            )
            return
        self._names_again = True
        try:
            own.operation.database_forwards(own.app, self, before, after)
        finally:
            self._names_again = False


def _model_name(own: Own, is_rename: bool) -> str:
    """Return the name under which the state has the operation's model."""
    operation = own.operation
    new = operation.new_name if is_rename and type(operation).__name__ == "RenameModel" else None
    return str(new or getattr(operation, "model_name", None) or operation.name)


def _empty(field: Field) -> Field:
    """Take the default from a unique field: no value suits two rows."""
    if field.unique:
        field.default = NOT_PROVIDED
    return field
