"""The UPDATE that Django compiles for a model, in the parts that batches need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db.models import Q
from django.db.models.expressions import BaseExpression, Col
from django.db.models.sql import UpdateQuery

from ..django_types import Connection, Field, Model
from ..errors import CannotMigrate


class Compiled(NamedTuple):
    """SQL with its values in it.

    :param table: its name as it is written in SQL.
    """

    table: str
    assignment: str
    where: str

    @property
    def whole(self) -> str:
        return f"UPDATE {self.table} SET {self.assignment} WHERE {self.where}"


def update_of(connection: Connection, model: Model, values: Mapping[str, Any], where: Q | None) -> Compiled | None:
    """Return what ``filter(where).update(**values)`` sends, for rows alone that it would change; None for no rows.

    :raises CannotMigrate: when a field stands in the table of another model, or nothing tells a row that is done from
        one that is not.
    """
    fields = [_own_field(model, name) for name in values]
    parts = [_compile(connection, model, {name: value}, where) for name, value in values.items()]
    if any(part is None for part in parts):
        return None
    assignments = [part.assignment for part in parts if part is not None]
    condition = parts[0].where if parts[0] is not None else ""
    if any(_reads(connection, model, value, fields) for value in values.values()):
        if not condition:
            raise CannotMigrate(
                f"Backfill of {model._meta.label}: a value is computed from a field that is changed, so nothing tells "
                "a row that is done from one that is not. Nothing was sent. Write a condition that is false of a row "
                "that is done, as where=Q(…), and change the field in it as well."
            )
        conditions = [condition]
    else:
        conditions = [*filter(None, [condition]), _differs(connection, model, fields, assignments)]
    table = connection.ops.quote_name(model._meta.db_table)
    return Compiled(table, ", ".join(assignments), " AND ".join(f"({x})" for x in conditions))


def _own_field(model: Model, name: str) -> Field:
    field = cast("Field", model._meta.get_field(name))
    if not field.concrete or field.many_to_many or field.model._meta.db_table != model._meta.db_table:
        raise CannotMigrate(
            f"Backfill of {model._meta.label}: the field {name!r} has no column in the table "
            f"{model._meta.db_table!r}. Nothing was sent. Name the model whose table has it."
        )
    return field


def _compile(connection: Connection, model: Model, values: Mapping[str, Any], where: Q | None) -> Compiled | None:
    queryset = model._base_manager.using(connection.alias).order_by()
    query: Any = (queryset.filter(where) if where is not None else queryset).query.chain(UpdateQuery)
    query.add_update_values(values)
    compiler = query.get_compiler(connection=connection)
    try:
        sql, params = compiler.as_sql()
    except EmptyResultSet:
        return None
    try:
        condition, conditions_params = compiler.compile(compiler.query.where)
    except FullResultSet:
        condition, conditions_params = "", ()
    table = connection.ops.quote_name(model._meta.db_table)
    assignment = sql.removeprefix(f"UPDATE {table} SET ")
    if condition:
        assignment = assignment.removesuffix(f" WHERE {condition}")
    own = params[: len(params) - len(conditions_params)]
    return Compiled(table, _composed(connection, assignment, own), _composed(connection, condition, conditions_params))


def _composed(connection: Connection, sql: str, params: Sequence[object]) -> str:
    return str(connection.ops.compose_sql(sql, list(params))).strip() if sql else ""


def _reads(connection: Connection, model: Model, value: Any, fields: list[Field]) -> bool:
    """Whether a value is computed from one of these fields."""
    if not hasattr(value, "resolve_expression"):
        return False
    resolved = value.resolve_expression(model._base_manager.all().query, allow_joins=False, for_save=True)
    return any(column.target in fields for column in _columns(resolved))


def _columns(expression: BaseExpression) -> Iterator[Col]:
    for inner in expression.flatten():
        if isinstance(inner, Col):
            yield inner


def _differs(connection: Connection, model: Model, fields: list[Field], assignments: list[str]) -> str:
    table = connection.ops.quote_name(model._meta.db_table)
    different = []
    for field, assignment in zip(fields, assignments, strict=True):
        column = connection.ops.quote_name(str(field.column))
        value = assignment.removeprefix(f"{column} = ")
        different.append(f"{table}.{column} IS DISTINCT FROM {value}")
    return " OR ".join(different)
