"""The sequence of a legacy ``serial``.

Changing it keeps INSERTs from their next value, and dropping it locks the table whose default it is.
"""

from __future__ import annotations

from ..ddl import statements as s
from ..locks import Lock, LockMode
from ..planning.context import Context
from ..planning.kinds import Step
from ..planning.queries import Query
from ..planning.registry import rewrites
from ..planning.steps import short


@rewrites(s.AlterSequence)
def alter_sequence(statement: s.AlterSequence, context: Context) -> list[Step]:
    lock = Lock(statement.sequence, LockMode.SHARE_ROW_EXCLUSIVE)
    return [short(statement, Query(statement.sql, statement.params), locks=[lock])]


@rewrites(s.DropSequence)
def drop_sequence(statement: s.DropSequence, context: Context) -> list[Step]:
    owner = context.catalog.sequence_owner(statement.sequence)
    if owner is None or owner.identity:
        # The statement before has dropped an identity's sequence already.
        return []
    locks = [Lock(table, LockMode.ACCESS_EXCLUSIVE) for table in (owner.table, statement.sequence)]
    return [short(statement, Query(statement.sql, statement.params), locks=locks)]
