"""The default or trigger that a NOT NULL column keeps for old code, which leaves the column out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.db.models import NOT_PROVIDED

from ..ddl import statements as s
from ..django_types import Connection, Field, Model, StateApps
from ..naming import Names, unquote
from ..server import names_of
from .removals import Stays, column, has_value


def default_of(model: Model, field: Field, names: Names) -> Stays:
    """Return the default that a new column keeps."""
    return Stays((names.as_sql(model._meta.db_table),), column(field, names), s.DEFAULT)


def filled(model: Model, field: Field, names: Names) -> Stays:
    """Return the trigger that fills a column."""
    return default_of(model, field, names)._replace(kind=s.FILLED)


def becomes_not_null(old: Field, new: Field, connection: Connection) -> bool:
    return bool(old.null and not new.null) and _has_column(new, connection)


def becomes_null(old: Field, new: Field, connection: Connection) -> bool:
    return bool(new.null and not old.null) and _has_column(new, connection)


def _has_column(field: Field, connection: Connection) -> bool:
    return field.column is not None and field.db_parameters(connection)["type"] is not None


def suits_old_code(field: Field, default: Any) -> bool:
    """Return whether a default that stays lets code insert that does not know the column.

    :param default: what Django would give to each row; None for nothing.
    """
    return default is not None and not (field.null or field.unique or has_value(field))


def owed(operation: Any, app_label: str, apps: StateApps, connection: Connection) -> Stays | None:
    """Return what an AddField or AlterField may owe.

    :param apps: the state before the operation.
    """
    field = operation.field.clone()
    field.set_attributes_from_name(operation.name)
    of = default_of if type(operation).__name__ == "AddField" else filled
    return of(apps.get_model(app_label, operation.model_name), field, names_of(connection))


def has_database_default(kept: Stays, models: Iterable[Model], names: Names) -> bool:
    """Return whether the column has a default of its own by now, which must not be dropped.

    :param models: today's models.
    """
    for model in models:
        if names.as_sql(model._meta.db_table) in kept.tables:
            fields = [x for x in model._meta.local_concrete_fields if column(x, names) == kept.column]
            return any(getattr(x, "db_default", NOT_PROVIDED) is not NOT_PROVIDED for x in fields)
    return False


def goes_with(drop: s.DropColumn | s.DropTable, kept: Stays) -> bool:
    """Return whether a drop also drops the column for which something is kept."""
    if isinstance(drop, s.DropColumn) and unquote(drop.column) != kept.column:
        return False
    return drop.table in kept.tables


#: Statements that may collide with what is kept.
IN_THE_WAY: Final = (s.RenameColumn, s.RenameTable, s.SetType)


def is_in_the_way(statement: s.Statement, kept: Stays) -> bool:
    """Return whether a statement would fail because of what is kept, or would make it impossible to find again."""
    match statement:
        case s.RenameTable(table=table, new_table=new):
            return table in kept.tables or new in kept.tables
        case s.RenameColumn(table=table, column=name):
            return table in kept.tables and unquote(name) == kept.column
        case s.SetType(table=table, column=name, using=using):
            # The server converts a default only by a cast of its own, and refuses a column that a trigger names.
            return table in kept.tables and unquote(name) == kept.column and (using or kept.kind == s.FILLED)
    return False
