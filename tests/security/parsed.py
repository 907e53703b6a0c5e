"""The names in a text of SQL that do not say where they are, by PostgreSQL's own grammar."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import postgast

#: Names of schemas and roles.
NO_RELATIONS = ("pg_temp", "pg_catalog", "pg_database_owner")
#: Those of FOUND, and of the variable of a FOR loop over numbers.
OF_PLPGSQL = ("bool", "int4", "integer")


def unqualified(sql: str) -> list[str]:
    """Functions, relations and types of a text that are looked for in the schemas of the search_path."""
    found: list[str] = []
    for statement in postgast.parse(sql).stmts:
        nodes = list(_nodes(statement.stmt))
        queries = {node.ctename for kind, node in nodes if kind == "CommonTableExpr"}
        for kind, node in nodes:
            found += _names(kind, node, queries)
    return found


def _nodes(message: Any) -> Iterator[tuple[str, Any]]:
    yield message.DESCRIPTOR.name, message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for each in value if hasattr(value, "add") else [value]:
                yield from _nodes(each)


def _names(kind: str, node: Any, queries: set[str]) -> Iterator[str]:
    if kind == "FuncCall" and _schema(node.funcname) != "pg_catalog":
        yield f"function {_text(node.funcname)}"
    # What the grammar makes of a keyword is in pg_catalog by itself.
    elif kind == "TypeName" and node.names and _schema(node.names) != "pg_catalog":
        yield f"type {_text(node.names)}"
    elif kind == "RangeVar" and not node.schemaname and node.relname not in queries:
        yield f"relation {node.relname}"
    elif kind == "A_Const" and node.HasField("sval"):
        # 'pg_class'::regclass is looked for as FROM pg_class would be.
        if re.fullmatch(r"pg_\w+", node.sval.sval) and node.sval.sval not in NO_RELATIONS:
            yield f"relation {node.sval.sval} in quotes"
    elif kind == "DoStmt":
        for argument in node.args:
            if argument.def_elem.defname == "as":
                yield from _of_block(argument.def_elem.arg.string.sval)


def _of_block(body: str) -> Iterator[str]:
    tree = postgast.parse_plpgsql(f"DO $zdm_test${body}$zdm_test$")
    for key, value in _items(tree):
        if key == "typname" and not value.startswith("pg_catalog.") and value.lower() not in OF_PLPGSQL:
            yield f"type {value}"
        elif key == "query" and re.match(r"(SELECT|UPDATE|WITH|\(WITH|INSERT|DELETE)\b", value.strip("( ")):
            yield from unqualified(
                value.strip().removeprefix("(").removesuffix(")") if value.startswith("(") else value
            )


def _items(tree: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield key, value
            yield from _items(value)
    elif isinstance(tree, list):
        for each in tree:
            yield from _items(each)


def _schema(names: Any) -> str:
    return names[0].string.sval if len(names) > 1 else ""


def _text(names: Any) -> str:
    return ".".join(x.string.sval for x in names)
