"""An UPDATE of many rows, in batches: each blocks writers of its rows only for a moment."""

from __future__ import annotations

from ..ddl import statements as s
from ..planning.context import Context
from ..planning.kinds import Batches, Step
from ..planning.queries import Query, Rows
from ..planning.registry import rewrites


@rewrites(s.UpdateRows)
def update_rows(statement: s.UpdateRows, context: Context) -> list[Step]:
    params = tuple(statement.params or ())
    assignment = Query(statement.assignment, params[: statement.first])
    work = Rows(statement.table, assignment, Query(statement.where, params[statement.first :]))
    whole = Query(statement.sql, params)
    return [Batches(queries=(whole,), statement=statement, locks=statement.locks(), work=work)]
