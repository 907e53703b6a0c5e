"""The queries of a step: a single query, or a change of many rows that is cut into ranges."""

from __future__ import annotations

from ..ddl import statements as s
from ..record import Row


class Query(Row):
    sql: str
    params: s.Params = None


class Fill(Row):
    """An UPDATE of the rows of a table whose column is NULL, done in ranges of pages."""

    table: str
    column: str
    default: str
    params: s.Params


class Rows(Row):
    """An UPDATE of the rows of a table that fulfil a condition, done in ranges of pages.

    :param spares_triggers: it fires none of the table's own triggers; the role may set session_replication_role.
    """

    table: str
    assignment: Query
    where: Query
    spares_triggers: bool = False
