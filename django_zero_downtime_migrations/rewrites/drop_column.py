"""Objects that depend on a column or table are dropped first, one short step each: DROP COLUMN and DROP TABLE would
lock every other table behind a foreign key at once, and drop each index under ACCESS EXCLUSIVE.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..catalog.dependents import Dependent, refusal
from ..catalog.records import Constraint
from ..ddl import statements as s
from ..errors import CannotMigrate
from ..locks import Lock, LockMode
from ..naming import quote, split_identifier, unquote
from ..planning.context import Context
from ..planning.kinds import Step
from ..planning.queries import Query
from ..planning.registry import rewrites, splits
from ..planning.steps import short

KINDS = {"u": "unique", "p": "primary key", "x": "exclusion"}


@splits(s.DropColumn)
def split_drop_column(statement: s.DropColumn, context: Context) -> Iterator[s.Statement]:
    table, column = statement.table, unquote(statement.column)
    catalog = context.catalog
    _refuse(f"{statement.column} of {table}", catalog.dependents("column", table, column))
    if not context.settings.explicit_constraints_drop:
        yield statement
        return
    constraints = [x for x in catalog.constraints(table) if column in x.columns and not x.inherited]
    yield from (_drop_key(x) for x in constraints if x.kind == "f")
    others = [x for x in catalog.referencing(table) if column in x.to_columns and not x.inherited]
    yield from (_drop_key(x) for x in others if not x.out_of_reach)
    yield from (_drop_constraint(x) for x in constraints if x.kind in KINDS)
    for index in catalog.indexes(table):
        if column in index.touches and not index.of_constraint:
            sql = context.templates("sql_delete_index") % {"name": quote(index.name)}
            yield s.DropIndex(sql=sql, table=table, name=quote(index.name), of_column=True)
    # CASCADE drops what the role cannot drop by itself.
    needs_cascade = any(x.out_of_reach for x in others)
    yield statement if needs_cascade else statement.named(sql=statement.sql.removesuffix(" CASCADE"))


def _refuse(what: str, dependents: Iterable[Dependent], foreign_keys: bool = False) -> None:
    """Refuse a drop that would take other objects with it.

    :param foreign_keys: whether a foreign key that points to it is a reason as well, and not dropped before.
    """
    reasons = [x for x in dependents if foreign_keys or x.kind != "foreign key"]
    if reasons:
        raise CannotMigrate(refusal(what, reasons))


@splits(s.DropTable)
def split_drop_table(statement: s.DropTable, context: Context) -> Iterator[s.Statement]:
    _refuse(f"Table {statement.table}", context.catalog.dependents("relation", statement.table))
    if context.settings.explicit_constraints_drop:
        own = [x for x in context.catalog.constraints(statement.table) if x.kind == "f" and not x.inherited]
        keys = [x for x in own if not context.catalog.same_table(x.to_table, statement.table)]
        keys += [x for x in context.catalog.referencing(statement.table) if not x.inherited and not x.out_of_reach]
        yield from (_drop_key(key) for key in keys)
    yield statement


@splits(s.DropConstraint)
def split_drop_constraint(statement: s.DropConstraint, context: Context) -> Iterator[s.Statement]:
    """Refuse if others depend on it: a foreign key may need a unique constraint, a view with GROUP BY a primary key."""
    if statement.kind != "check":
        name = unquote(statement.name)
        dependents = context.catalog.dependents("constraint", statement.table, name)
        _refuse(f"Constraint {statement.name} of {statement.table}", dependents, foreign_keys=True)
    yield statement


@splits(s.DropIndex)
def split_drop_index(statement: s.DropIndex, context: Context) -> Iterator[s.Statement]:
    """Refuse if others depend on it: a foreign key may need a unique index without a constraint."""
    name = split_identifier(statement.name)[-1]
    dependents = context.catalog.dependents("index", statement.table, name)
    _refuse(f"Index {statement.name} of {statement.table}", dependents, foreign_keys=True)
    yield statement


@splits(s.DropSequence)
def split_drop_sequence(statement: s.DropSequence, context: Context) -> Iterator[s.Statement]:
    """Refuse if others depend on it. Django drops it with CASCADE, which may drop its own column's default alone."""
    owner = context.catalog.sequence_owner(statement.sequence)
    dependents = context.catalog.dependents("relation", statement.sequence) if owner else []
    own = [x for x in dependents if owner and x.kind == "default" and context.catalog.same_table(x.table, owner.table)]
    _refuse(f"Sequence {statement.sequence}", [x for x in dependents if x not in own])
    yield statement


def _drop_key(key: Constraint) -> s.DropForeignKey:
    name = quote(key.name)
    return s.DropForeignKey(sql=f"ALTER TABLE {key.table} DROP CONSTRAINT {name}", table=key.table, name=name)


def _drop_constraint(constraint: Constraint) -> s.DropConstraint:
    name, table = quote(constraint.name), constraint.table
    sql = f"ALTER TABLE {table} DROP CONSTRAINT {name}"
    return s.DropConstraint(sql=sql, table=table, name=name, kind=KINDS[constraint.kind], of_column=True)


@rewrites(s.DropColumn, s.DropTable)
def drop(statement: s.DropColumn | s.DropTable, context: Context) -> list[Step]:
    """Drop it. With EXPLICIT_CONSTRAINTS_DROP off its foreign keys go with it, which locks the tables behind them."""
    column = unquote(statement.column) if isinstance(statement, s.DropColumn) else None
    others = dict.fromkeys((statement.table, *context.catalog.other_sides(statement.table, column)))
    locks = [Lock(table, LockMode.ACCESS_EXCLUSIVE) for table in others]
    return [short(statement, Query(statement.sql, statement.params), locks=locks)]


@rewrites(s.DropForeignKey)
def drop_foreign_key(statement: s.DropForeignKey, context: Context) -> list[Step]:
    """Drop it, which locks both tables. Django's ``SET CONSTRAINTS`` before it is for a transaction that has pending
    events.
    """
    if context.projection.has_dropped(statement):
        return []
    key = context.catalog.constraint(statement.table, statement.name)
    if key and key.part:
        # Django takes it for one more foreign key; it is dropped with the whole.
        return []
    tables = [statement.table]
    if key and key.to_table and not context.catalog.same_table(statement.table, key.to_table):
        tables.append(key.to_table)
    locks = [Lock(table, LockMode.ACCESS_EXCLUSIVE) for table in tables]
    return [short(statement, Query(f"ALTER TABLE {statement.table} DROP CONSTRAINT {statement.name}"), locks=locks)]


@rewrites(s.DropConstraint)
def drop_constraint(statement: s.DropConstraint, context: Context) -> list[Step]:
    if context.projection.has_dropped(statement):
        return []
    return [short(statement, Query(statement.sql, statement.params))]
