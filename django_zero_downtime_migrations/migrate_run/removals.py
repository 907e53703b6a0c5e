"""The columns and tables that a plain RemoveField or DeleteModel removes, and what of them stays for old code."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any, cast

from django.db.models import NOT_PROVIDED

from ..ddl.statements import DEFAULT, FILLED, REMOVED, RENAMED
from ..django_types import Connection, Field, Model, StateApps
from ..naming import Names, quote, unquote
from ..record import Row
from ..server import names_of
from .migration_at_work import Own


class Goes(Row):
    """A column, or a whole table.

    :param field: None for the table.
    """

    model: Model
    field: Field | None = None


class Stays(Row):
    """The part of a removal that stays.

    :param tables: as they are written in SQL.
    :param column: its plain name; empty if tables are removed.
    :param kind: one of ``execution.owed.debts.KINDS``.
    """

    tables: tuple[str, ...]
    column: str
    kind: str = REMOVED

    @property
    def sql(self) -> str:
        """The SQL that pays the debt, for people."""
        if self.kind == RENAMED:
            return f"DROP VIEW {self.tables[0]}"
        if self.kind == FILLED:
            return f"drop the trigger that fills {quote(self.column)} of {self.tables[0]}"
        if self.kind == DEFAULT:
            return f"ALTER TABLE {self.tables[0]} ALTER COLUMN {quote(self.column)} DROP DEFAULT"
        if self.column:
            return f"ALTER TABLE {self.tables[0]} DROP COLUMN {quote(self.column)}"
        return "; ".join(f"DROP TABLE {table}" for table in self.tables)


def is_plain(own: Own | None, name: str, backwards: bool) -> bool:
    """Return whether an operation is Django's own of this name, in the list of its migration."""
    if own is None or own.backwards != backwards:
        return False
    kind = type(own.operation)
    return kind.__name__ == name and kind.__module__.startswith("django.db.migrations.operations.")


def owed(operation: Any, app_label: str, apps: StateApps, connection: Connection) -> Stays | None:
    """Return what a RemoveField or DeleteModel may owe.

    :param apps: the state before the operation.
    """
    going = of_operation(operation, app_label, apps, connection)
    return stays(going, names_of(connection)) if going else None


def of_operation(operation: Any, app_label: str, apps: StateApps, connection: Connection) -> list[Goes]:
    """Return what an operation removes.

    :param operation: a RemoveField, DeleteModel or ReplaceField.
    :param apps: the state before the operation.
    """
    name = getattr(operation, "model_name", None) or operation.name
    model = apps.get_model(app_label, name)
    if type(operation).__name__ == "DeleteModel":
        return of_model(model)
    name = operation.old_name if type(operation).__name__ == "ReplaceField" else operation.name
    return of_field(model, model._meta.get_field(name), connection)


def of_field(model: Model, field: Field, connection: Connection) -> list[Goes]:
    through: Any = getattr(field.remote_field, "through", None)
    if through is not None:
        return [Goes(through)] if through._meta.auto_created else []
    return [Goes(model, field)] if has_column(field, connection) else []


def of_model(model: Model) -> list[Goes]:
    """Return the tables of a model: its own table, then the ones of its ManyToManyFields."""
    throughs: list[Any] = [field.remote_field.through for field in model._meta.local_many_to_many]
    return [Goes(model), *(Goes(x) for x in throughs if x._meta.auto_created)]


def stays(going: Sequence[Goes], names: Names) -> Stays:
    field = going[0].field
    tables = tuple(names.as_sql(x.model._meta.db_table) for x in going)
    return Stays(tables, "" if field is None else column(field, names))


def has_column(field: Field, connection: Connection) -> bool:
    """Whether a field is a column of its model's table."""
    return field.column is not None and field.db_parameters(connection)["type"] is not None


def column(field: Any, names: Names) -> str:
    """Return the plain name of a field's column."""
    return unquote(names.as_sql(field.column))


def fields(goes: Goes) -> Iterator[Field]:
    """Yield the fields of the columns that may have an obstacle for code that does not know them."""
    for field in [goes.field] if goes.field is not None else goes.model._meta.local_concrete_fields:
        if goes.field is not None or getattr(field, "db_constraint", False):
            yield field


def for_new_code(goes: Goes, field: Field) -> Field:
    """Return the field with a column that suits code which inserts without it, and deletes what it points to."""
    made: Any = copy.copy(field)
    if goes.field is not None and not has_value(field):
        made.null = True
    if getattr(field, "db_constraint", False):
        made.db_constraint = False
    return cast("Field", made)


def has_value(field: Field) -> bool:
    """Return whether the database gives a value to a row that is inserted without one."""
    return getattr(field, "db_default", NOT_PROVIDED) is not NOT_PROVIDED or getattr(field, "generated", False)
