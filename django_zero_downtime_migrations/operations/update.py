"""The UPDATE that Django compiles for a model, in the parts that batches need."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db.models import F, Q
from django.db.models.expressions import BaseExpression, Col
from django.db.models.sql import UpdateQuery

from ..django_types import Connection, Field, Model, StateApps
from ..errors import CannotMigrate
from ..planning.queries import Query

if TYPE_CHECKING:
    from ..execution.batches.each import Chosen


class Text(NamedTuple):
    """SQL with placeholders.

    :param params: the values of the placeholders.
    """

    sql: str
    params: tuple[object, ...] = ()


class Compiled(NamedTuple):
    """An UPDATE in parts.

    :param table: the table's name as it is written in SQL.
    :param columns: the names of the assigned columns, likewise.
    """

    table: str
    assignment: Text
    where: Text
    columns: tuple[str, ...] = ()

    @property
    def whole(self) -> Text:
        sql = f"UPDATE {self.table} SET {self.assignment.sql} WHERE {self.where.sql}"
        return Text(sql, (*self.assignment.params, *self.where.params))


def update_of(connection: Connection, model: Model, values: Mapping[str, Any], where: Q | None) -> Compiled | None:
    """Return the UPDATE of ``filter(where).update(**values)``, for only the rows that change; None for no rows.

    :raises CannotMigrate: when a field is in the table of another model, or nothing tells a changed row from an
        unchanged one.
    """
    fields = [_own_field(model, name) for name in values]
    parts = [_compile(connection, model, {name: value}, where) for name, value in values.items()]
    compiled = [part for part in parts if part is not None]
    if len(compiled) < len(parts):
        return None
    assignments, condition = [part.assignment for part in compiled], compiled[0].where
    conditions = [condition] if condition.sql else []
    if not any(_reads(model, value, fields) for value in values.values()):
        conditions.append(_differs(connection, model, fields, assignments))
    elif not conditions:
        raise CannotMigrate(
            f"Backfill of {model._meta.label}: a value is computed from a field that is changed, so nothing tells "
            "a row that is done from one that is not. Nothing was sent. Write a condition that is false of a row "
            "that is done, as where=Q(…), and change the field in it as well."
        )
    bracketed = [Text(f"({text.sql})", text.params) for text in conditions]
    columns = tuple(connection.ops.quote_name(str(field.column)) for field in fields)
    return Compiled(compiled[0].table, _joined(", ", assignments), _joined(" AND ", bracketed), columns)


def chosen(
    connection: Connection, apps: StateApps, model: Model, where: Q, function: Callable[[Any, Any], object]
) -> Chosen | None:
    """Return the rows of ``filter(where)`` for a function; None for no rows."""
    # Imported here: importing a migration does not run it.
    from ..execution.batches.each import Chosen

    # Only the condition of this UPDATE is used.
    concrete: Any = model._meta.concrete_model
    name = concrete._meta.local_concrete_fields[0].name
    compiled = _compile(connection, model, {name: F(name)}, where)
    if compiled is None:
        return None
    condition = Query(compiled.where.sql or "true", compiled.where.params or None)
    return Chosen(function, apps, model, where, compiled.table, condition)


def _joined(separator: str, texts: Sequence[Text]) -> Text:
    return Text(separator.join(text.sql for text in texts), tuple(x for text in texts for x in text.params))


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
        condition = Text(*map(_frozen, compiler.compile(compiler.query.where)))
    except FullResultSet:
        condition = Text("")
    table = connection.ops.quote_name(model._meta.db_table)
    assignment = sql.removeprefix(f"UPDATE {table} SET ")
    if condition.sql:
        assignment = assignment.removesuffix(f" WHERE {condition.sql}")
    return Compiled(table, Text(assignment, tuple(params[: len(params) - len(condition.params)])), condition)


def _frozen(part: Any) -> Any:
    return part if isinstance(part, str) else tuple(part)


def _reads(model: Model, value: Any, fields: list[Field]) -> bool:
    """Return whether a value is computed from one of these fields."""
    if not hasattr(value, "resolve_expression"):
        return False
    resolved = value.resolve_expression(model._base_manager.all().query, allow_joins=False, for_save=True)
    return any(column.target in fields for column in _columns(resolved))


def _columns(expression: BaseExpression) -> Iterator[Col]:
    for inner in expression.flatten():
        if isinstance(inner, Col):
            yield inner


def _differs(connection: Connection, model: Model, fields: list[Field], assignments: list[Text]) -> Text:
    table = connection.ops.quote_name(model._meta.db_table)
    different = []
    for field, (sql, params) in zip(fields, assignments, strict=True):
        column = connection.ops.quote_name(str(field.column))
        value = sql.removeprefix(f"{column} = ")
        different.append(Text(f"{table}.{column} IS DISTINCT FROM {value}", params))
    return _joined(" OR ", different)
