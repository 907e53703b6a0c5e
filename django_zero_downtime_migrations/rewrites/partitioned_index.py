"""Indexes, unique constraints and primary keys of partitioned tables, as recipes for :mod:`.partitions`."""

from __future__ import annotations

from collections.abc import Sequence

from ..catalog.records import IndexShape, Partition
from ..ddl import statements as s
from ..locks import LockMode
from ..naming import INDEX, PRIMARY_KEY, UNIQUE, after_head, names_in
from ..planning.context import Context
from ..planning.kinds import Blocking, Step
from ..planning.steps import as_written
from .partitions import Recipe, build, has_foreign_tables, loose, refuse_foreign_tables, refuse_without_key, usable

CREATE = {False: "CREATE INDEX", True: "CREATE UNIQUE INDEX"}


def create_on_partitioned(statement: s.CreateIndex, tree: Sequence[Partition], context: Context) -> list[Step]:
    table, name = statement.table, statement.name
    rest = _rest(_composed(statement, context))
    create = CREATE[statement.unique]
    if statement.unique:
        refuse_foreign_tables(statement, tree, "The unique index " + name)
    if rest is None or has_foreign_tables(tree):
        return [as_written(statement, Blocking)]
    shape = context.catalog.index_shape(table, rest, statement.unique)
    columns = _columns(shape, statement.columns)
    if statement.unique:
        keys = statement.columns or (shape.columns if shape else names_in(rest))
        refuse_without_key(statement, tree, keys, "The unique index " + name)
    recipe = Recipe(
        label=INDEX,
        middle=context.names.columns_part(columns),
        only=lambda its_table, its_name: f"{create} {its_name} ON ONLY {its_table}{rest}",
        mode=LockMode.SHARE,
        build=lambda its_table, its_name: f"{create} CONCURRENTLY {its_name} ON {its_table}{rest}",
        adopt=None,
        remove=lambda its_table, its_name: f"DROP INDEX IF EXISTS {context.catalog.beside(its_table, its_name)}",
        beside=context.catalog.beside,
        equals=usable(shape, of_constraint=False),
    )
    return build(statement, name, tree, recipe, context)


def add_to_partitioned(
    statement: s.AddUnique | s.AddPrimaryKey, tree: Sequence[Partition], context: Context
) -> list[Step]:
    name = statement.name
    primary = isinstance(statement, s.AddPrimaryKey)
    what = f"The {'primary key' if primary else 'unique constraint'} {name}"
    refuse_foreign_tables(statement, tree, what)
    refuse_without_key(statement, tree, names_in(statement.columns), what)
    kind = "PRIMARY KEY" if primary else "UNIQUE"
    nulls, deferrable = (
        ("", "") if isinstance(statement, s.AddPrimaryKey) else (statement.nulls_distinct, statement.deferrable)
    )
    space = f" {statement.tablespace}" if statement.tablespace else ""
    using = f" USING INDEX{space}" if space else ""
    columns = f"({statement.columns})"
    shape = context.catalog.index_shape(statement.table, f" {columns}{nulls}", unique=True)
    middle = context.names.columns_part(_columns(shape, tuple(names_in(statement.columns))))
    recipe = Recipe(
        label=PRIMARY_KEY if primary else UNIQUE,
        middle=None if primary else middle,
        only=lambda t, n: f"ALTER TABLE ONLY {t} ADD CONSTRAINT {n} {kind}{nulls} {columns}{using}{deferrable}",
        mode=LockMode.ACCESS_EXCLUSIVE,
        build=lambda t, n: f"CREATE UNIQUE INDEX CONCURRENTLY {n} ON {t} {columns}{nulls}{space}",
        adopt=lambda t, n: f"ALTER TABLE {t} ADD CONSTRAINT {n} {kind} USING INDEX {n}{deferrable}",
        remove=lambda t, n: f"ALTER TABLE {t} DROP CONSTRAINT IF EXISTS {n}",
        beside=context.catalog.beside,
        equals=usable(shape, of_constraint=True),
        loose=loose(shape),
    )
    return build(statement, name, tree, recipe, context)


def _columns(shape: IndexShape | None, columns: Sequence[str] | None) -> Sequence[str]:
    """Return the columns for a name. If the server could not be asked, an index of expressions gets the usual name."""
    return shape.columns if shape is not None else columns or ("expr",)


def _rest(sql: str) -> str | None:
    """Return what follows the table; None if the statement has another form than Django's."""
    try:
        return after_head(sql, "ON")
    except ValueError:
        return None


def _composed(statement: s.CreateIndex, context: Context) -> str:
    if statement.params is None:
        return str(statement.sql)
    return str(context.catalog.connection.ops.compose_sql(str(statement.sql), statement.params))
