"""ALTER COLUMN: a property that the catalogue has already is not sent, since even a no-op takes ACCESS EXCLUSIVE."""

from __future__ import annotations

from ..ddl import statements as s
from ..locks import Lock, LockMode
from ..naming import unquote
from ..planning.context import Context
from ..planning.kinds import Blocking, Reading, Short, Step
from ..planning.online import online
from ..planning.queries import Query
from ..planning.registry import rewrites
from ..planning.steps import as_written, short
from ..type_changes import Effect, TypeChange
from .replace_column import replace_column


@rewrites(s.SetType)
def set_type(statement: s.SetType, context: Context) -> list[Step]:
    change = context.type_change(statement)
    if change is not None and change.effect is Effect.NOTHING:
        return []
    if shadow := online(statement, context).shadow:
        return replace_column(statement, shadow, context)
    return [context.around_triggers(as_written(statement, _kind(change), _locks(statement, context)))]


def _kind(change: TypeChange | None) -> type[Short]:
    if change is None or change.effect is Effect.CATALOGUE:
        return Short
    return Reading if change.effect is Effect.SCAN else Blocking


def _locks(statement: s.SetType, context: Context) -> list[Lock]:
    """Return the locks of a type change, which include the other side of every foreign key of the column."""
    column = unquote(statement.column)
    tables = {statement.table: None}
    for key in context.catalog.constraints(statement.table):
        if key.kind == "f" and (column in key.columns):
            tables[key.to_table] = None
    for key in context.catalog.referencing(statement.table):
        if column in key.to_columns:
            tables[key.table] = None
    return [Lock(table, LockMode.ACCESS_EXCLUSIVE) for table in tables]


@rewrites(s.DropNotNull)
def drop_not_null(statement: s.DropNotNull, context: Context) -> list[Step]:
    column = context.column(statement)
    set_in_this_call = context.projection.column(statement.table, unquote(statement.column)).not_null
    if column is not None and not column.not_null and not set_in_this_call:
        return []
    return [short(statement, Query(statement.sql, statement.params))]


@rewrites(s.SetDefault)
def set_default(statement: s.SetDefault, context: Context) -> list[Step]:
    column = context.column(statement)
    drop = short(statement, f"ALTER TABLE {statement.table} ALTER COLUMN {statement.column} DROP DEFAULT")
    undo = [] if column is None or column.has_default else [drop]
    return [short(statement, Query(statement.sql, statement.params), undo=undo)]


@rewrites(s.DropDefault)
def drop_default(statement: s.DropDefault, context: Context) -> list[Step]:
    column = context.column(statement)
    planned = context.projection.column(statement.table, unquote(statement.column))
    made = planned.has_default or not planned.live
    if column is not None and not column.has_default and not made:
        return []
    return [short(statement, Query(statement.sql, statement.params))]


@rewrites(s.DropIdentity)
def drop_identity(statement: s.DropIdentity, context: Context) -> list[Step]:
    column = context.column(statement)
    if column is not None and not column.identity and "IF EXISTS" in statement.sql:
        return []
    return [short(statement, Query(statement.sql, statement.params))]


@rewrites(s.AlterColumns, s.SetTablespace)
def alter_columns(statement: s.Statement, context: Context) -> list[Step]:
    return [as_written(statement, Blocking)]
