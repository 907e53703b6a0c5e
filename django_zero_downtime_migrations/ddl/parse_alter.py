"""A parsed ``ALTER TABLE`` -> a statement for each of its actions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from postgast import pg_query_pb2 as kinds

from ..locks import LockMode
from ..naming import quote
from . import statements as s
from .parse_names import Node, expression, list_of_names, relation, strings, type_name

#: Actions under SHARE UPDATE EXCLUSIVE or less.
_GENTLE = {
    kinds.AT_ClusterOn,
    kinds.AT_DropCluster,
    kinds.AT_DetachPartitionFinalize,
    kinds.AT_ResetOptions,
    kinds.AT_ResetRelOptions,
    kinds.AT_SetOptions,
    kinds.AT_SetRelOptions,
    kinds.AT_SetStatistics,
}
_REWRITE = "the whole table is rewritten"
_REWRITES = {
    kinds.AT_SetAccessMethod: _REWRITE,
    kinds.AT_SetExpression: _REWRITE,
    kinds.AT_SetLogged: _REWRITE,
    kinds.AT_SetUnLogged: _REWRITE,
}
Action = Callable[[Any, str, str], Iterable[s.Statement]]


def alter_table(node: Node, sql: str) -> Iterator[s.Statement]:
    """Yield the statements; none for an index, a view, a sequence or a type."""
    if node.objtype == kinds.OBJECT_TABLE:
        table = relation(node.relation)
        for each in node.cmds:
            yield from _action(each.alter_table_cmd, table, sql)


def _action(node: Node, table: str, sql: str) -> Iterable[s.Statement]:
    if node.subtype in ACTIONS:
        return ACTIONS[node.subtype](node, table, sql)
    if node.subtype in _GENTLE:
        return [s.Command(sql=sql, table=table, takes=LockMode.SHARE_UPDATE_EXCLUSIVE)]
    does = _REWRITES.get(node.subtype, "")
    return [s.Command(sql=sql, table=table, takes=LockMode.ACCESS_EXCLUSIVE, does=does)]


def _add_column(node: Node, table: str, sql: str) -> Iterator[s.Statement]:
    made = getattr(node, "def").column_def
    own = [type_name(made.type_name)]
    others: list[s.Statement] = []
    if made.HasField("coll_clause"):
        own.append(f"COLLATE {list_of_names(made.coll_clause.collname)}")
    for each in made.constraints:
        text = _clause(each.constraint)
        if text:
            own.append(text)
        elif each.constraint.contype in (kinds.CONSTR_UNIQUE, kinds.CONSTR_CHECK):
            others += constraint(each.constraint, table, sql, [made.colname])
    definition = tuple(part for piece in own for part in (" ", piece))[1:]
    yield s.AddColumn(sql=sql, table=table, column=quote(made.colname), definition=definition)
    yield from others


def _clause(node: Node) -> str:
    """Return a piece of a column's definition, as Django would write it."""
    if node.contype == kinds.CONSTR_NOTNULL:
        return "NOT NULL"
    if node.contype == kinds.CONSTR_PRIMARY:
        return "PRIMARY KEY"
    if node.contype == kinds.CONSTR_DEFAULT:
        constant = node.raw_expr.WhichOneof("node") == "a_const"
        text = expression(node.raw_expr)
        return f"DEFAULT {text}" if constant else f"DEFAULT ({text})"
    if node.contype == kinds.CONSTR_GENERATED:
        kept = "VIRTUAL" if node.generated_kind == "v" else "STORED"
        return f"GENERATED ALWAYS AS ({expression(node.raw_expr)}) {kept}"
    if node.contype == kinds.CONSTR_IDENTITY:
        return f"GENERATED {'ALWAYS' if node.generated_when == 'a' else 'BY DEFAULT'} AS IDENTITY"
    return ""


def _set_type(node: Node, table: str, sql: str) -> Iterator[s.Statement]:
    new = getattr(node, "def").column_def
    wanted = type_name(new.type_name)
    using = expression(new.raw_default) if new.HasField("raw_default") else ""
    cast = using.replace('"', "") in ("", f"{node.name}::{type_name(new.type_name)}", node.name)
    collation = new.coll_clause.collname[-1].string.sval if new.HasField("coll_clause") else None
    yield s.SetType(
        sql=sql,
        table=table,
        column=quote(node.name),
        type=wanted,
        collation=collation,
        using=bool(using),
        plain=cast,
    )


def _add_constraint(node: Node, table: str, sql: str) -> Iterator[s.Statement]:
    yield from constraint(getattr(node, "def").constraint, table, sql)


def constraint(node: Node, table: str, sql: str, columns: list[str] | None = None) -> Iterator[s.Statement]:
    """Yield the statements that make a constraint.

    :param columns: the column that it stands with.
    """
    about: dict[str, Any] = {"sql": sql, "table": table, "name": quote(node.conname) if node.conname else ""}
    names = columns or strings(node.keys)
    quoted = ", ".join(quote(name) for name in names)
    if node.indexname:
        yield s.AddConstraint(**about)
    elif node.contype == kinds.CONSTR_CHECK:
        yield s.AddCheck(
            **about, check=expression(node.raw_expr), not_valid=node.skip_validation or not node.is_enforced
        )
    elif node.contype == kinds.CONSTR_UNIQUE:
        yield s.AddUnique(**about, columns=quoted)
    elif node.contype == kinds.CONSTR_PRIMARY:
        yield s.AddPrimaryKey(**about, columns=quoted)
    elif node.contype == kinds.CONSTR_EXCLUSION:
        yield s.AddExclusion(**about)
    elif node.contype == kinds.CONSTR_NOTNULL and not node.skip_validation:
        yield s.SetNotNull(sql=sql, table=table, column=quoted)
    elif node.contype == kinds.CONSTR_FOREIGN:
        yield from _foreign_key(node, about)
    else:
        yield s.AddConstraint(**about)


def _foreign_key(node: Node, about: dict[str, Any]) -> Iterator[s.Statement]:
    columns, others = strings(node.fk_attrs), strings(node.pk_attrs)
    not_valid = node.skip_validation or not node.is_enforced
    if len(columns) == 1:
        to_column = quote(others[0]) if others else ""
        names = {"column": quote(columns[0]), "to_table": relation(node.pktable), "to_column": to_column}
        yield s.AddForeignKey(**about, **names, not_valid=not_valid)
        return
    does = "" if not_valid else "the whole table is read"
    for table, what in ((about["table"], does), (relation(node.pktable), "")):
        yield s.Command(sql=about["sql"], table=table, takes=LockMode.SHARE_ROW_EXCLUSIVE, does=what)


def _set_default(node: Node, table: str, sql: str) -> Iterator[s.Statement]:
    kind = s.SetDefault if node.HasField("def") else s.DropDefault
    yield kind(sql=sql, table=table, column=quote(node.name))


def _named(kind: type[Any]) -> Action:
    return lambda node, table, sql: [kind(sql=sql, table=table, name=quote(node.name))]


def _of_column(kind: type[Any]) -> Action:
    return lambda node, table, sql: [kind(sql=sql, table=table, column=quote(node.name))]


def _attach(node: Node, table: str, sql: str) -> Iterator[s.Statement]:
    # The parent is locked with SHARE UPDATE EXCLUSIVE only; the partition is scanned.
    partition = relation(getattr(node, "def").partition_cmd.name)
    does = "the whole partition is scanned, unless a CHECK of its own proves the bounds"
    yield s.Command(sql=sql, table=partition, takes=LockMode.ACCESS_EXCLUSIVE, does=does)


def _detach(node: Node, table: str, sql: str) -> Iterator[s.Statement]:
    concurrently = getattr(node, "def").partition_cmd.concurrent
    mode = LockMode.SHARE_UPDATE_EXCLUSIVE if concurrently else LockMode.ACCESS_EXCLUSIVE
    yield s.Command(sql=sql, table=table, takes=mode)


ACTIONS: dict[int, Action] = {
    kinds.AT_AddColumn: _add_column,
    kinds.AT_AddConstraint: _add_constraint,
    kinds.AT_AddIdentity: _of_column(s.AddIdentity),
    kinds.AT_AlterColumnType: _set_type,
    kinds.AT_AttachPartition: _attach,
    kinds.AT_ColumnDefault: _set_default,
    kinds.AT_DetachPartition: _detach,
    kinds.AT_DropColumn: _of_column(s.DropColumn),
    kinds.AT_DropConstraint: _named(s.DropConstraint),
    kinds.AT_DropIdentity: _of_column(s.DropIdentity),
    kinds.AT_DropNotNull: _of_column(s.DropNotNull),
    kinds.AT_SetNotNull: _of_column(s.SetNotNull),
    kinds.AT_SetTableSpace: lambda node, table, sql: [s.SetTablespace(sql=sql, table=table)],
    kinds.AT_ValidateConstraint: _named(s.ValidateConstraint),
}
