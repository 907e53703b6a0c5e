"""UNIQUE and PRIMARY KEY: the index is built concurrently, then becomes the constraint's own.

``ADD CONSTRAINT … USING INDEX`` never scans for UNIQUE; for PRIMARY KEY it scans unless the columns are NOT NULL
already, so that is seen to first (``tests/rewrites/test_add_unique.py``).
"""

from __future__ import annotations

from ..ddl import statements as s
from ..ddl.names import names_in
from ..plan import Context, Query, Step, StepClass, as_written, long, rewrites, short
from .set_not_null import set_not_null


@rewrites(s.AddUnique)
def add_unique(statement: s.AddUnique, context: Context) -> list[Step]:
    if not statement.plain:
        return [as_written(statement, StepClass.UNSAFE)]
    table, name = statement.table, statement.name
    use = f"ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE USING INDEX {name}{statement.deferrable}"
    return [_build(statement, statement.nulls_distinct, context), _use(statement, use)]


@rewrites(s.AddPrimaryKey)
def add_primary_key(statement: s.AddPrimaryKey, context: Context) -> list[Step]:
    if not statement.plain:
        return [as_written(statement, StepClass.UNSAFE)]
    table, name = statement.table, statement.name
    steps = [_build(statement, "", context)]
    for column in names_in(statement.columns):
        sql = f'ALTER TABLE {table} ALTER COLUMN "{column}" SET NOT NULL'
        steps += set_not_null(s.SetNotNull(sql=sql, table=table, column=f'"{column}"'), context)
    use = f"ALTER TABLE {table} ADD CONSTRAINT {name} PRIMARY KEY USING INDEX {name}"
    return [*steps, _use(statement, use)]


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
    drop = long(statement, f"DROP INDEX CONCURRENTLY IF EXISTS {qualified(statement.table, statement.name)}")
    return long(statement, Query(sql, statement.params), undo=[drop], leftover=[drop])


def _use(statement: s.AddUnique | s.AddPrimaryKey, sql: str) -> Step:
    drop = short(statement, f"ALTER TABLE {statement.table} DROP CONSTRAINT {statement.name}")
    return short(statement, sql, undo=[drop])


def qualified(table: str, name: str) -> str:
    """An index's name with the schema of its table, where the table's is written."""
    schema, dot, _ = table.rpartition('"."')
    return f'{schema}"."{name.strip(chr(34))}"' if dot else name
