"""UNIQUE and PRIMARY KEY: the index is built concurrently, then becomes the constraint's own.

``ADD CONSTRAINT … USING INDEX`` never scans for UNIQUE; for PRIMARY KEY it scans unless the columns are NOT NULL
already, so they are made NOT NULL first (``tests/rewrites/test_add_unique.py``).
"""

from __future__ import annotations

from ..ddl import statements as s
from ..naming import names_in, quote
from ..planning.context import Context
from ..planning.kinds import Blocking, Step
from ..planning.queries import Query
from ..planning.registry import rewrites
from ..planning.steps import as_written, builds, short
from .partitioned_index import add_to_partitioned
from .set_not_null import set_not_null


@rewrites(s.AddUnique)
def add_unique(statement: s.AddUnique, context: Context) -> list[Step]:
    if not statement.plain:
        return [as_written(statement, Blocking)]
    if tree := context.catalog.partitions(statement.table):
        return add_to_partitioned(statement, tree, context)
    table, name = statement.table, statement.name
    use = f"ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE USING INDEX {name}{statement.deferrable}"
    return [_build(statement, statement.nulls_distinct, context), _use(statement, use)]


@rewrites(s.AddPrimaryKey)
def add_primary_key(statement: s.AddPrimaryKey, context: Context) -> list[Step]:
    if not statement.plain:
        return [as_written(statement, Blocking)]
    table, name = statement.table, statement.name
    if tree := context.catalog.partitions(table):
        key = add_to_partitioned(statement, tree, context)
        return [*_not_null(statement, context), *key]
    steps = [_build(statement, "", context), *_not_null(statement, context)]
    use = f"ALTER TABLE {table} ADD CONSTRAINT {name} PRIMARY KEY USING INDEX {name}"
    return [*steps, _use(statement, use)]


def _not_null(statement: s.AddPrimaryKey, context: Context) -> list[Step]:
    table = statement.table
    steps = []
    for column in names_in(statement.columns):
        sql = f"ALTER TABLE {table} ALTER COLUMN {quote(column)} SET NOT NULL"
        steps += set_not_null(s.SetNotNull(sql=sql, table=table, column=quote(column)), context)
    return steps


def _build(statement: s.AddUnique | s.AddPrimaryKey, nulls_distinct: str, context: Context) -> Step:
    parts = {
        "table": statement.table,
        "name": statement.name,
        "columns": statement.columns,
        "include": "",
        "nulls_distinct": nulls_distinct,
        "condition": "",
    }
    create = context.templates("sql_create_unique_index") % parts
    tablespace = f" {statement.tablespace}" if statement.tablespace else ""
    sql = create.replace("CREATE UNIQUE INDEX", "CREATE UNIQUE INDEX CONCURRENTLY", 1) + tablespace
    return builds(statement, Query(sql, statement.params), context.catalog.beside(statement.table, statement.name))


def _use(statement: s.AddUnique | s.AddPrimaryKey, sql: str) -> Step:
    drop = short(statement, f"ALTER TABLE {statement.table} DROP CONSTRAINT {statement.name}")
    return short(statement, sql, undo=[drop])
