"""The first question to the catalogue: the column, the wanted type, and the casts that lie between them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from functools import cache
from importlib import resources
from typing import Any

from ..naming import relation
from ..record import Row
from .casts import Cast, Type, Types

Fetch = Callable[[str, Sequence[object]], "list[tuple[Any, ...]]"]


class Column(Row):
    """The column as it is, and what the statement asks for: None if the server does not know that.

    ``deterministic``: neither the old nor the new collation takes different texts for equal.
    """

    relation: int
    relation_kind: str
    typed_table: bool
    inherited: bool
    identity: bool
    generated: bool
    type: int
    typmod: int
    collation: int
    text: str
    new_type: int | None
    new_collation: int | None
    deterministic: bool
    time_zone: str
    types: Types


@cache
def question(name: str) -> str:
    text = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    # Comments stay here: a server whose encoding lacks a character of theirs refuses the whole question.
    text = re.sub(r"^ *--.*\n", "", text, flags=re.M)
    return text.replace("relation(%s)", relation("%s::pg_catalog.text"))


def ask(fetch: Fetch, table: str, column: str, new_type: str, collation: str | None) -> Column | None:
    rows = fetch(question("column.sql"), (new_type, collation and quoted(collation), column, table))
    if not rows:
        return None
    *facts, types, casts = rows[0]
    known = {row["oid"]: Type(**row) for row in json.loads(types)}
    between = {
        (row["source"], row["target"]): Cast(row["method"], row["context"], row["support"])
        for row in json.loads(casts or "[]")
    }
    return Column(*(*facts, Types(known, between)))


def quoted(name: str) -> str:
    """A collation's name as SQL: ``C`` and ``"C"`` are the same one."""
    return name if name.startswith('"') else '"{}"'.format(name.replace('"', '""'))


def ask_typmod(fetch: Fetch, new_type: str, typmod_in: str | None) -> int:
    """Return the future ``pg_attribute.atttypmod``: only the type's own function knows what its modifiers mean."""
    modifiers = modifiers_of(new_type)
    if not modifiers or typmod_in is None:
        return -1
    # The name of the function comes from the catalogue, quoted and with a schema if it needs one.
    typmod: int = fetch(f"SELECT {typmod_in}(%s::pg_catalog.cstring[])", ("{" + ",".join(modifiers) + "}",))[0][0]
    return typmod


#: The bits of the fields in the modifier of an interval, in the order in which they can be named.
INTERVAL_FIELDS = {"year": 2, "month": 1, "day": 3, "hour": 10, "minute": 11, "second": 12}
INTERVAL_ANY_FIELD = 0x7FFF
#: In the SQL standard, only these names mean a length of 1.
ONE_LONG = frozenset({"char", "character", "nchar", "national char", "national character", "bit"})


def modifiers_of(sql_type: str) -> list[str]:
    """``numeric(10, 2)[]`` gives 10 and 2. An interval's fields are a modifier too, a sum of bits."""
    written = re.search(r"\(([^()]*)\)", sql_type)
    modifiers = [part.strip().strip("'\"") for part in written[1].split(",")] if written else []
    name = re.sub(r"\([^()]*\)|\[\d*\]", "", sql_type).strip().lower()
    words = name.split()
    if words and words[0] == "interval":
        fields = list(INTERVAL_FIELDS)
        named = [fields.index(word) for word in words[1:] if word in INTERVAL_FIELDS]
        if named:
            return [str(sum(1 << INTERVAL_FIELDS[field] for field in fields[named[0] : named[-1] + 1])), *modifiers]
        return [str(INTERVAL_ANY_FIELD), *modifiers] if modifiers else []
    return modifiers or (["1"] if " ".join(words) in ONE_LONG else [])
