"""The second question to the catalogue: which objects depend on the column, and what the server does with each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from .column import Column, Fetch, question
from .effect import Effect, Gone

Reason = tuple[Effect, str]

#: The server does not change the type of a column that one of these uses: "cannot alter type of a column used by …".
REFUSING = frozenset(
    {"view", "materialized view", "rule", "trigger", "policy", "function", "procedure", "publication"}
    | {"generated column"}
)


def ask(fetch: Fetch, column: Column, name: str, new_type: int, new_collation: int, gone: Gone) -> Iterator[Reason]:
    """Yield the reasons of each dependent. Objects in ``gone`` will not be there."""
    bases = column.types.base(column.type), column.types.base(new_type)
    for kind, dependent, detail in fetch(question("dependents.sql"), (column.relation, name, *bases)):
        if not gone.has(kind, dependent):
            yield from judge(column, new_type, new_collation, kind, f'"{dependent}"', json.loads(detail))


def judge(
    column: Column, new_type: int, new_collation: int, kind: str, name: str, detail: dict[str, Any]
) -> Iterator[Reason]:
    if kind in REFUSING:
        on = f" on {detail['on']}" if "on" in detail else ""
        yield Effect.REFUSED, f"{kind} {name}{on} uses the column"
    elif kind == "index":
        yield from judge_index(column, new_type, new_collation, name, detail)
    elif kind == "foreign key":
        yield from judge_foreign_key(column, name, detail)
    elif kind == "check":
        yield Effect.SCAN, f"CHECK constraint {name} is verified again"
    elif kind == "partition key":
        yield Effect.REFUSED, f"the column is part of the partition key of {name}"
    elif kind == "row type":
        yield Effect.REFUSED, f"column {name} has the row type of the table"
    elif kind == "default" and column.types.path(column.type, new_type, explicit=False) is None:
        yield Effect.REFUSED, f"the default of column {name} cannot become the new type by itself"
    elif kind == "statistics" and not detail["possible"]:
        yield Effect.REFUSED, f"statistics object {name} needs a type that can be sorted"
    elif kind == "unknown":
        yield Effect.REWRITE, f"{name} depends on the column"


def judge_index(column: Column, new_type: int, new_collation: int, name: str, key: dict[str, Any]) -> Iterator[Reason]:
    # An index of a partitioned table has no file that its successor could take over, nor do indexes attached to it.
    if key["partitioned"]:
        yield Effect.INDEX_REBUILD, f"index {name} is rebuilt on every partition"
    # The server compares the definitions of the old and the new index; it does not compare expressions and predicates.
    if key["predicate"]:
        yield Effect.INDEX_REBUILD, f"index {name} has a predicate"
    if key["expression"]:
        yield Effect.INDEX_REBUILD, f"index {name} has an expression"
    if not key["valid"]:
        yield Effect.INDEX_REBUILD, f"index {name} is INVALID"
    if key["exclusion"] and new_type != column.type:
        yield Effect.INDEX_REBUILD, f"index {name} belongs to an exclusion constraint"
    if key["class"] is None:
        return
    if key["new_class"] is None:
        yield Effect.REFUSED, f"index {name} has no operator class of {key['method']} for the new type"
    elif key["new_class"] != key["class"]:
        yield Effect.INDEX_REBUILD, f"index {name} needs another operator class than {key['class_name']}"
    elif key["polymorphic_type"] not in (None, new_type):
        yield Effect.INDEX_REBUILD, f"index {name} differs by the type, in operator class {key['class_name']}"
    yield from judge_index_collation(column, new_type, new_collation, name, key)


def judge_index_collation(
    column: Column, new_type: int, new_collation: int, name: str, key: dict[str, Any]
) -> Iterator[Reason]:
    # An index that was made without COLLATE follows the column.
    follows = key["collation"] == key["column_collation"]
    if not follows and not column.types.types[new_type].collation:
        yield Effect.REFUSED, f"index {name} has a collation, which the new type cannot have"
    elif follows and key["collation"] != new_collation:
        yield Effect.INDEX_REBUILD, f"index {name} is sorted by the old collation"
    if follows and not column.deterministic and key["class_name"].endswith("_pattern_ops"):
        yield Effect.REFUSED, f"index {name} cannot have {key['class_name']} with a nondeterministic collation"


def judge_foreign_key(column: Column, name: str, detail: dict[str, Any]) -> Iterator[Reason]:
    if not column.deterministic:
        yield Effect.REWRITE, f"foreign key {name} compares texts with a nondeterministic collation"
    if detail["same_operator"]:
        return
    if not detail["has_operator"]:
        yield Effect.REFUSED, f"foreign key {name} has no operator to compare the two types"
    elif detail["valid"]:
        yield Effect.SCAN, f"foreign key {name} is verified again, with locks on both tables"
