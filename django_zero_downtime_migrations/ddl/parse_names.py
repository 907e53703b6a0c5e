"""Pieces of a parse tree -> SQL text, quoted as Django quotes it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import postgast

from ..naming import quote


class Node(Protocol):
    """A node of the parser's tree, which mypy cannot read."""

    def __getattr__(self, name: str) -> Any:
        """Return a field.

        :param name: the field's name in PostgreSQL's ``parsenodes.h``.
        """


#: Types under Django's names for them, if the parser's are shorter.
_LONG = {
    "int": "integer",
    "bool": "boolean",
    "timestamptz": "timestamp with time zone",
    "float8": "double precision",
    "float": "double precision",
}


def quoted_name(schema: str, name: str) -> str:
    return f"{quote(schema)}.{quote(name)}" if schema else quote(name)


def relation(node: Node) -> str:
    """Return the quoted name of a ``RangeVar``; empty if it has none."""
    return quoted_name(node.schemaname, node.relname) if node.relname else ""


def list_of_names(nodes: Iterable[Node]) -> str:
    """Return a name of one to three parts; the database's own is left out."""
    names = [node.string.sval for node in nodes][-2:]
    return ".".join(quote(name) for name in names)


def strings(nodes: Iterable[Node]) -> list[str]:
    return [node.string.sval for node in nodes]


def true_option(options: Iterable[Node], name: str) -> bool:
    """Return whether an option of a parenthesised list is on: without a value, or with one that says so."""
    for option in (x.def_elem for x in options):
        if option.defname == name:
            kind = option.arg.WhichOneof("node") if option.HasField("arg") else None
            if kind == "integer":
                return bool(option.arg.integer.ival)
            return kind is None or option.arg.string.sval.lower() in ("true", "on", "1")
    return False


def expression(node: Node) -> str:
    """The text of an expression."""
    tree = postgast.parse("SELECT 1")
    tree.stmts[0].stmt.select_stmt.target_list[0].res_target.val.CopyFrom(node)
    text: str = postgast.deparse(tree)
    return text.removeprefix("SELECT ")


def type_name(node: Node) -> str:
    """The text of a ``TypeName``."""
    tree = postgast.parse("SELECT NULL::text")
    tree.stmts[0].stmt.select_stmt.target_list[0].res_target.val.type_cast.type_name.CopyFrom(node)
    text: str = postgast.deparse(tree)
    name = text.removeprefix("SELECT NULL::")
    return _LONG.get(name, name)
