"""Indexes are built and dropped CONCURRENTLY, and renamed under SHARE UPDATE EXCLUSIVE on the index alone.

A concurrent build that fails leaves an INVALID index, which is dropped again.
"""

from __future__ import annotations

from ..ddl import statements as s
from ..ddl.spaces import Space
from ..locks import Lock, LockMode
from ..naming import unquote
from ..planning.context import Context
from ..planning.kinds import Blocking, Step
from ..planning.queries import Query
from ..planning.registry import rewrites
from ..planning.steps import as_written, builds, drops, long, short
from .partitioned_index import create_on_partitioned

CREATE = {False: "CREATE INDEX", True: "CREATE UNIQUE INDEX"}


@rewrites(s.CreateIndex)
def create_index(statement: s.CreateIndex, context: Context) -> list[Step]:
    create = CREATE[statement.unique]
    if not statement.concurrently and not statement.sql.startswith(create):
        return [as_written(statement, Blocking)]
    if tree := context.catalog.partitions(statement.table):
        return create_on_partitioned(statement, tree, context)
    sql = statement.sql if statement.concurrently else statement.sql.replace(create, f"{create} CONCURRENTLY", 1)
    return [builds(statement, Query(sql, statement.params), context.catalog.beside(statement.table, statement.name))]


@rewrites(s.DropIndex)
def drop_index(statement: s.DropIndex, context: Context) -> list[Step]:
    catalog, table = context.catalog, statement.table
    planned = context.projection.has(table, unquote(statement.name), Space.INDEXES)
    index = catalog.index(table, statement.name)
    if not planned and index is None and catalog.exists(table) and "IF EXISTS" in statement.sql:
        return []
    sql = statement.sql
    if (index and index.partitioned) or (planned and catalog.partitions(table)):
        # CONCURRENTLY is refused for it; its parts on the partitions are dropped with it.
        for partition, part in catalog.index_parts(table, index.name) if index else ():
            context.projection.drop_index(partition, part)
        drop = Query(sql.replace(" CONCURRENTLY", "", 1) if statement.concurrently else sql, statement.params)
        return [short(statement, drop, locks=[Lock(table, LockMode.ACCESS_EXCLUSIVE)])]
    if not statement.concurrently:
        sql = sql.replace("DROP INDEX", "DROP INDEX CONCURRENTLY", 1)
    return [drops(statement, Query(sql, statement.params), locks=[Lock(table, LockMode.SHARE_UPDATE_EXCLUSIVE)])]


@rewrites(s.RenameIndex)
def rename_index(statement: s.RenameIndex, context: Context) -> list[Step]:
    return [long(statement, Query(statement.sql, statement.params), locks=[])]


@rewrites(s.SetComment)
def set_comment(statement: s.SetComment, context: Context) -> list[Step]:
    return [long(statement, Query(statement.sql, statement.params))]
