"""A debt to old code is written down when all of its operation is done, and locks no table."""

from __future__ import annotations

from ..ddl import statements as s
from ..planning.context import Context
from ..planning.kinds import Step
from ..planning.queries import Query
from ..planning.registry import rewrites
from ..planning.steps import short


@rewrites(s.Owe)
def owe(statement: s.Owe, context: Context) -> list[Step]:
    """Write the debt down. Without a database, nothing is written."""
    return [short(statement, Query(statement.written), locks=())] if statement.written else []


@rewrites(s.OweNoMore)
def owe_no_more(statement: s.OweNoMore, context: Context) -> list[Step]:
    return [short(statement, Query(statement.sql), locks=())] if statement.sql else []


@rewrites(s.BeginToPay)
def begin_to_pay(statement: s.BeginToPay, context: Context) -> list[Step]:
    return [short(statement, Query(statement.sql), locks=())]
