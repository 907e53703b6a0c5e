"""Raw SQL -> statements, by PostgreSQL's own grammar. It needs the extra ``lint``; see ``meaning.py``.

Nodes and fields have the names of PostgreSQL's ``parsenodes.h``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

import postgast

from ..locks import LockMode
from ..naming import quote
from . import statements as s
from .meaning import Meaning
from .parse_alter import alter_table
from .parse_names import Node, list_of_names, quoted_name, relation, true_option

#: The driver's placeholder; PostgreSQL's grammar does not have it.
_PLACEHOLDER = re.compile(r"%(?:(%)|(?:\(\w+\))?[sbt])")
_WHOLE = {
    "update_stmt": "every row is written in one transaction",
    "delete_stmt": "every row is deleted in one transaction",
}
_UNREAD = {
    "do_stmt": "a DO block runs code that is not read",
    "call_stmt": "CALL runs a procedure that is not read",
    "execute_stmt": "EXECUTE runs a prepared statement that is not read",
}
Reader = Callable[[Any, str], Iterable[s.Statement]]


@lru_cache(maxsize=256)
def parse(sql: str, has_placeholders: bool) -> Meaning:
    """Parse raw SQL.

    :param has_placeholders: the driver will put values into it.
    """
    text = _PLACEHOLDER.sub(lambda match: "%" if match[1] else "'?'", sql) if has_placeholders else sql
    try:
        tree = postgast.parse(text)
    except postgast.PgQueryError as error:
        return Meaning(unread=f"its SQL cannot be parsed: {error}")
    statements: list[s.Statement] = []
    unread = ""
    for part in tree.stmts:
        kind = part.stmt.WhichOneof("node") or ""
        unread = unread or _UNREAD.get(kind, "")
        reader = READERS.get(kind)
        if reader is not None:
            statements += reader(getattr(part.stmt, kind), _source(text, part))
    return Meaning(tuple(statements), unread)


def _source(text: str, part: Node) -> str:
    """The text of one statement among several; the parser counts bytes."""
    start, length = part.stmt_location, part.stmt_len
    source = text.encode()[start : start + length if length else None].decode()
    return " ".join(source.split())


def _create_table(node: Node, sql: str) -> Iterator[s.Statement]:
    yield _new_table(node.relation, sql, node.if_not_exists)


def _create_table_as(node: Node, sql: str) -> Iterator[s.Statement]:
    yield _new_table(node.into.rel, sql, node.if_not_exists)


def _select(node: Node, sql: str) -> Iterator[s.Statement]:
    if node.HasField("into_clause"):
        yield _new_table(node.into_clause.rel, sql, False)


def _new_table(node: Node, sql: str, if_not_exists: bool) -> s.Statement:
    # A temporary table hides another one of its name, and that one is in use.
    temporary = node.relpersistence == "t"
    return s.CreateTable(sql=sql, table=relation(node), if_missing=if_not_exists or temporary)


def _create_index(node: Node, sql: str) -> Iterator[s.Statement]:
    keys = [x.index_elem for x in node.index_params]
    yield s.CreateIndex(
        sql=sql,
        table=relation(node.relation),
        name=quote(node.idxname) if node.idxname else "",
        columns=tuple(key.name for key in keys) if all(key.name for key in keys) else None,
        unique=node.unique,
        concurrently=node.concurrent,
    )


def _drop(node: Node, sql: str) -> Iterator[s.Statement]:
    if node.remove_type == postgast.pg_query_pb2.OBJECT_TABLE:
        for each in node.objects:
            yield s.DropTable(sql=sql, table=list_of_names(each.list.items))


def _rename(node: Node, sql: str) -> Iterator[s.Statement]:
    kinds = postgast.pg_query_pb2
    if node.rename_type == kinds.OBJECT_TABLE:
        table = relation(node.relation)
        new = quoted_name(node.relation.schemaname, node.newname)
        yield s.RenameTable(sql=sql, table=table, new_table=new)
    elif node.rename_type == kinds.OBJECT_COLUMN and node.relation_type == kinds.OBJECT_TABLE:
        old, new = quote(node.subname), quote(node.newname)
        yield s.RenameColumn(sql=sql, table=relation(node.relation), column=old, new_column=new)
    elif node.rename_type == kinds.OBJECT_TABCONSTRAINT:
        names = {"name": quote(node.subname), "new_name": quote(node.newname)}
        yield s.RenameConstraint(sql=sql, table=relation(node.relation), **names)


def _write(kind: str) -> Reader:
    def read(node: Node, sql: str) -> Iterator[s.Statement]:
        does = "" if node.HasField("where_clause") else _WHOLE[kind]
        yield s.Command(sql=sql, table=relation(node.relation), takes=LockMode.ROW_EXCLUSIVE, does=does)

    return read


def _truncate(node: Node, sql: str) -> Iterator[s.Statement]:
    for each in node.relations:
        yield _blocking(sql, relation(each.range_var), "all rows are removed")


def _lock(node: Node, sql: str) -> Iterator[s.Statement]:
    mode = list(LockMode)[node.mode - 1]
    does = "traffic is locked out until the transaction ends" if mode.blocks_traffic else ""
    for each in node.relations:
        yield s.Command(sql=sql, table=relation(each.range_var), takes=mode, does=does)


def _vacuum(node: Node, sql: str) -> Iterator[s.Statement]:
    if not node.is_vacuumcmd or not true_option(node.options, "full"):
        return
    for each in node.rels:
        yield _blocking(sql, relation(each.vacuum_relation.relation), "the whole table is rewritten")
    if not node.rels:
        yield _blocking(sql, "", "all tables are rewritten")


def _cluster(node: Node, sql: str) -> Iterator[s.Statement]:
    table = relation(node.relation) if node.HasField("relation") else ""
    which = "the whole table is" if table else "all clustered tables are"
    yield _blocking(sql, table, f"{which} rewritten in the order of an index")


def _reindex(node: Node, sql: str) -> Iterator[s.Statement]:
    if true_option(node.params, "concurrently"):
        return
    of_table = node.kind == postgast.pg_query_pb2.REINDEX_OBJECT_TABLE
    table = relation(node.relation) if of_table else ""
    yield s.Command(sql=sql, table=table, takes=LockMode.SHARE, does="indexes are rebuilt")


def _refresh(node: Node, sql: str) -> Iterator[s.Statement]:
    if not node.concurrent and not node.skip_data:
        yield _blocking(sql, relation(node.relation), "the materialized view is recomputed")


def _blocking(sql: str, table: str, does: str) -> s.Statement:
    return s.Command(sql=sql, table=table, takes=LockMode.ACCESS_EXCLUSIVE, does=does)


READERS: dict[str, Reader] = {
    "alter_table_stmt": alter_table,
    "cluster_stmt": _cluster,
    "create_stmt": _create_table,
    "create_table_as_stmt": _create_table_as,
    "delete_stmt": _write("delete_stmt"),
    "drop_stmt": _drop,
    "index_stmt": _create_index,
    "lock_stmt": _lock,
    "refresh_mat_view_stmt": _refresh,
    "reindex_stmt": _reindex,
    "rename_stmt": _rename,
    "select_stmt": _select,
    "truncate_stmt": _truncate,
    "update_stmt": _write("update_stmt"),
    "vacuum_stmt": _vacuum,
}
