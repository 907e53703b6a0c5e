"""ADD FOREIGN KEY … NOT VALID takes SHARE ROW EXCLUSIVE on both tables for a moment; VALIDATE reads both while reads
and writes go on.
"""

from __future__ import annotations

from ..ddl import statements as s
from ..locks import Lock, LockMode
from ..planning.context import Context
from ..planning.kinds import Step
from ..planning.queries import Query
from ..planning.registry import rewrites
from ..planning.steps import long, short
from .partitioned_key import add_key_to_partitioned


@rewrites(s.AddForeignKey)
def add_foreign_key(statement: s.AddForeignKey, context: Context) -> list[Step]:
    if not context.capabilities.partitioned_key_not_valid and (tree := context.catalog.partitions(statement.table)):
        return add_key_to_partitioned(statement, tree, context)
    both = {Lock(table, LockMode.ACCESS_EXCLUSIVE): None for table in (statement.table, statement.to_table)}
    drop = short(statement, f"ALTER TABLE {statement.table} DROP CONSTRAINT {statement.name}", locks=both)
    if statement.not_valid:
        return [short(statement, Query(statement.sql, statement.params), undo=[drop])]
    add = short(statement, Query(statement.sql + " NOT VALID", statement.params), undo=[drop])
    return [add, _validate(statement)]


def _validate(statement: s.AddForeignKey) -> Step:
    locks = [Lock(statement.table, LockMode.SHARE_UPDATE_EXCLUSIVE)]
    if statement.to_table != statement.table:
        locks.append(Lock(statement.to_table, LockMode.ROW_SHARE, only=True))
    return long(statement, f"ALTER TABLE {statement.table} VALIDATE CONSTRAINT {statement.name}", locks)
