"""An UPDATE of many rows, in batches: each holds up who wants one of its rows for a moment."""

from __future__ import annotations

from ..ddl import statements as s
from ..planning.context import Context
from ..planning.registry import rewrites
from ..planning.steps import Batches, Query, Rows, Step


@rewrites(s.UpdateRows)
def update_rows(statement: s.UpdateRows, context: Context) -> list[Step]:
    work = Rows(statement.table, statement.assignment, statement.where)
    return [Batches(queries=(Query(statement.sql),), statement=statement, locks=statement.locks(), work=work)]
