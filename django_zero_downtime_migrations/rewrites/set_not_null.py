"""SET NOT NULL without a scan under ACCESS EXCLUSIVE.

A valid CHECK from which NOT NULL follows spares the scan. PostgreSQL 18 can add the NOT NULL itself NOT VALID. SET
NOT NULL and the removal of the proof are two statements of one transaction: in one statement the server scans again.
"""

from __future__ import annotations

from ..ddl import statements as s
from ..naming import NOT_NULL, plain_table, quote, unquote
from ..planning.context import Context
from ..planning.kinds import Batches, Step
from ..planning.queries import Fill, Query
from ..planning.registry import rewrites
from ..planning.steps import long, short


@rewrites(s.SetNotNull)
def set_not_null(statement: s.SetNotNull, context: Context) -> list[Step]:
    table, name = statement.table, unquote(statement.column)
    column = context.column(statement)
    if context.projection.column(table, name).not_null or (column and column.not_null and column.not_null_valid):
        return []
    fill = [_fill(statement.fill, statement)] if statement.fill else []
    if column and column.not_null:
        return [*fill, long(statement, f"ALTER TABLE {table} VALIDATE CONSTRAINT {_not_valid(statement, context)}")]
    if context.catalog.not_null_proof(table, name):
        return [*fill, _set(statement, Query(statement.sql, statement.params))]
    if context.capabilities.not_null_not_valid:
        return [*fill, *_not_null_not_valid(statement, fill, context)]
    return [*fill, *_proved(statement, fill, context)]


def _proved(statement: s.SetNotNull, fill: list[Step], context: Context) -> list[Step]:
    """Add a proof first: the NOT VALID CHECK keeps new NULLs out, so a second pass of the fill finds the last ones."""
    table = statement.table
    proof = quote(context.names.temporary(f"{plain_table(table)}_{unquote(statement.column)}", "notnull"))
    drop = f"ALTER TABLE {table} DROP CONSTRAINT {proof}"
    undo = [short(statement, drop)]
    return [
        short(
            statement,
            f"ALTER TABLE {table} ADD CONSTRAINT {proof} CHECK ({statement.column} IS NOT NULL) NOT VALID",
            undo=undo,
        ),
        *fill,
        long(statement, f"ALTER TABLE {table} VALIDATE CONSTRAINT {proof}", undo=undo),
        _set(statement, Query(statement.sql, statement.params), Query(drop)),
    ]


def _not_null_not_valid(statement: s.SetNotNull, fill: list[Step], context: Context) -> list[Step]:
    """Add NOT NULL NOT VALID under the name that SET NOT NULL would have given the constraint."""
    table, column = statement.table, statement.column

    def taken(name: str) -> bool:
        return context.catalog.name_taken(table, name, relations=False)

    name = quote(context.names.choose(plain_table(table), unquote(column), NOT_NULL, taken))
    return [
        short(
            statement,
            f"ALTER TABLE {table} ADD CONSTRAINT {name} NOT NULL {column} NOT VALID",
            undo=[short(statement, f"ALTER TABLE {table} ALTER COLUMN {column} DROP NOT NULL")],
        ),
        *fill,
        long(statement, f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}"),
    ]


def _set(statement: s.SetNotNull, *queries: Query) -> Step:
    drop = short(statement, f"ALTER TABLE {statement.table} ALTER COLUMN {statement.column} DROP NOT NULL")
    return short(statement, *queries, undo=[drop])


def _fill(fill: s.FillNulls, statement: s.Statement) -> Step:
    work = Fill(fill.table, fill.column, fill.default, fill.params)
    queries = (Query(fill.sql, fill.params),)
    return Batches(queries=queries, statement=statement, locks=fill.locks(), work=work)


@rewrites(s.FillNulls)
def fill_nulls(statement: s.FillNulls, context: Context) -> list[Step]:
    return [_fill(statement, statement)]


def _not_valid(statement: s.SetNotNull, context: Context) -> str:
    name = (unquote(statement.column),)
    keys = [x for x in context.catalog.constraints(statement.table) if x.kind == "n" and x.columns == name]
    return quote(keys[0].name)
