"""A foreign key of a partitioned table on a server without NOT VALID for it.

Each partition with rows gets the key NOT VALID and has it validated; the key of the whole table then takes them over
without reading a row. This takes ACCESS EXCLUSIVE on the target table, for a moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..catalog.records import Constraint, Partition
from ..ddl import statements as s
from ..errors import CannotMigrate
from ..locks import Lock, LockMode
from ..naming import FOREIGN_KEY, after_head, plain_table, quote, unquote
from ..planning.context import Context
from ..planning.kinds import Step
from ..planning.online import ON_DELETE
from ..planning.steps import long, short
from .partitions import unchanged


def add_key_to_partitioned(statement: s.AddForeignKey, tree: Sequence[Partition], context: Context) -> list[Step]:
    if statement.not_valid:
        raise CannotMigrate(
            f"The foreign key {statement.name} cannot be added to {statement.table} NOT VALID: before version 18 "
            "PostgreSQL has that for tables without partitions only. Add it without NOT VALID: it is validated "
            "partition by partition, while reads and writes go on. Nothing was changed."
        )
    steps = [step for part in tree if part.kind == "r" for step in _on_partition(statement, part, context)]
    return [*steps, _whole(statement, tree, context)]


def _on_partition(statement: s.AddForeignKey, part: Partition, context: Context) -> Iterator[Step]:
    there = context.catalog.constraints(part.table)
    if any(_equal(key, statement, context) for key in there):
        return
    name = _name(statement, part, there, context)
    both = [Lock(part.table, LockMode.ACCESS_EXCLUSIVE), Lock(statement.to_table, LockMode.ACCESS_EXCLUSIVE)]
    drop = short(statement, f"ALTER TABLE {part.table} DROP CONSTRAINT IF EXISTS {name}", locks=both)
    mode = LockMode.SHARE_ROW_EXCLUSIVE
    own = Lock(part.table, mode)
    add = f"ALTER TABLE {part.table} ADD CONSTRAINT {name} {_definition(statement)} NOT VALID"
    yield short(statement, add, locks=[own, Lock(statement.to_table, mode)], undo=[drop])
    locks = [
        own._replace(mode=LockMode.SHARE_UPDATE_EXCLUSIVE),
        Lock(statement.to_table, LockMode.ROW_SHARE, only=True),
    ]
    yield long(statement, f"ALTER TABLE {part.table} VALIDATE CONSTRAINT {name}", locks, undo=[drop])


def _name(statement: s.AddForeignKey, part: Partition, there: Sequence[Constraint], context: Context) -> str:
    """Return the name of the whole table's key, unless the partition has another constraint of this name already."""
    wanted = unquote(statement.name)
    begun = context.settings.idempotent_sql
    if not any(key.name == wanted and not (begun and _equal(key, statement, context, valid=False)) for key in there):
        return statement.name

    def taken(name: str) -> bool:
        return context.catalog.name_taken(part.table, name, relations=False)

    return quote(context.names.choose(plain_table(part.table), unquote(statement.column), FOREIGN_KEY, taken))


def _equal(key: Constraint, statement: s.AddForeignKey, context: Context, valid: bool = True) -> bool:
    """Return whether the server would take this key for its own."""
    deferrable = " DEFERRABLE INITIALLY DEFERRED" if key.deferred else " DEFERRABLE" if key.deferrable else ""
    return (
        (key.kind, key.valid, key.inherited) == ("f", valid, False)
        and (key.columns, key.to_columns) == ((unquote(statement.column),), (unquote(statement.to_column),))
        and (deferrable, ON_DELETE.get(key.on_delete, "")) == (statement.deferrable, statement.on_delete)
        and (key.on_update, key.match) == ("a", "s")
        and context.catalog.same_table(statement.to_table, key.to_table)
    )


def _definition(statement: s.AddForeignKey) -> str:
    return after_head(statement.sql).strip()


def _whole(statement: s.AddForeignKey, tree: Sequence[Partition], context: Context) -> Step:
    parents = [part for part in tree if part.kind == "p"]
    tables = ", ".join(f"ONLY {part.table}" for part in parents)
    drop = short(
        statement,
        f"ALTER TABLE {statement.table} DROP CONSTRAINT IF EXISTS {statement.name}",
        locks=[Lock(table, LockMode.ACCESS_EXCLUSIVE) for table in (statement.table, statement.to_table)],
    )
    return short(
        statement,
        f"LOCK TABLE {tables} IN SHARE ROW EXCLUSIVE MODE",
        *(unchanged(part, tree) for part in parents),
        statement.sql,
        locks=_locks(statement, tree, context),
        undo=[drop],
    )


def _locks(statement: s.AddForeignKey, tree: Sequence[Partition], context: Context) -> list[Lock]:
    """Return the locks of dropping the triggers of the partitions' keys: on the target table, and, if that has
    partitions as well, on both sides.
    """
    shared, exclusive = LockMode.SHARE_ROW_EXCLUSIVE, LockMode.ACCESS_EXCLUSIVE
    targets = context.catalog.partitions(statement.to_table)
    if not targets:
        return [Lock(statement.table, shared), Lock(statement.to_table, exclusive)]
    own = [Lock(part.table, shared if part.kind == "p" else exclusive, only=True) for part in tree]
    return [*own, Lock(statement.to_table, exclusive)]
