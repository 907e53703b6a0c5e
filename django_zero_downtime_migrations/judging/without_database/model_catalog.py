"""The catalogue as the models of a project state describe it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from ...catalog.dependents import Dependent
from ...catalog.records import (
    Column,
    Constraint,
    Index,
    IndexPart,
    IndexShape,
    Listeners,
    Partition,
    SequenceOwner,
    Size,
    Taken,
)
from ...catalog.shadow import Shadow, Wanted
from ...catalog.shown import Rights, Shown
from ...django_types import Connection
from ...naming import Names, quote
from ...server import names_of
from ...type_changes import Gone, TypeChange
from ...type_changes.builtin import Use, always_known, judge
from ..counted.sizes import Sizes
from .table import ConstraintOrIndex, Table
from .tables import Tables

#: The kinds of objects that are, or have, an index; see :class:`.table.ConstraintOrIndex`.
INDEXES = ("i", "p", "u", "x")
#: Expressions with one value for a whole statement. Any other function may give each row a value of its own.
STABLE = frozenset(
    {"now", "transaction_timestamp", "statement_timestamp", "lower", "upper", "coalesce", "concat", "md5", "round",
     "abs", "length", "trim", "btrim", "left", "right", "replace", "json_build_object", "jsonb_build_object",
     "date_trunc", "make_date",
     "make_interval", "interval", "numeric", "varchar", "array", "pi", "timezone", "greatest", "least"}
)  # fmt: skip
#: Types of extensions; none of them is a domain.
EXTENSION_TYPES = frozenset(
    {"citext", "hstore", "ltree", "geometry", "geography", "raster", "vector", "halfvec", "sparsevec", "cube"}
)


class ModelCatalog:
    """A :class:`~..catalog.protocol.Catalog` that does not ask a database.

    :param connection: a connection that never connects.
    :param sizes: how large the tables are, as far as that is known.
    """

    def __init__(self, connection: Connection, tables: Tables, sizes: Sizes) -> None:
        self.connection = connection
        self.tables = tables
        self.sizes = sizes

    @cached_property
    def names(self) -> Names:
        return names_of(self.connection)

    def exists(self, table: str) -> bool:
        return self.tables.get(table) is not None

    def same_table(self, table: str, other: str) -> bool:
        return table == other

    def size(self, table: str) -> Size:
        return self.sizes.of(table)

    def nulls(self, table: str, column: str) -> int:
        return self.sizes.of(table).rows or 0

    def column(self, table: str, column: str) -> Column | None:
        found = self.tables.get(table)
        if found is None or column not in found.columns:
            return None
        of = found.columns[column]
        return Column(
            not_null=not of.null, not_null_valid=True, has_default=of.has_default, identity=of.identity, type=of.type
        )

    def is_row(self, table: str, column: str) -> bool:
        """Return False: Django's fields do not have composite types."""
        return False

    def constraints(self, table: str) -> list[Constraint]:
        found = self.tables.get(table)
        if found is None:
            return []
        own = [_constraint(held, table, own=True) for held in found.held if held.kind != "i"]
        keys = [_constraint(held, other.name, own=False) for other, held in self.tables.referencing(table)]
        return own + keys

    def indexes(self, table: str) -> list[Index]:
        found = self.tables.get(table)
        return [_index(held) for held in found.held if held.kind in INDEXES] if found else []

    def partitions(self, table: str) -> list[Partition]:
        """Return nothing: models do not tell how a table is partitioned."""
        return []

    def index_parts(self, table: str, name: str) -> list[IndexPart]:
        return []

    def index_shape(self, table: str, definition: str, unique: bool, changes: Sequence[str] = ()) -> IndexShape | None:
        return None

    def dependents(self, table: str, kind: str, name: str) -> list[Dependent]:
        found = self.tables.get(table) if kind == "column" else None
        columns = found.columns.items() if found else ()
        return [
            Dependent(
                kind="generated column",
                verb="DROP COLUMN",
                own=quote(column),
                relation=table,
                table=table,
                name=column,
            )
            for column, of in columns
            if quote(name) in of.generated
        ]

    def triggers(self, table: str, column: str, prefix: str) -> dict[str, str]:
        return {}

    def taken(self, table: str, name: str) -> Taken:
        found = self.tables.get(table)
        kinds = {held.kind for held in found.held if held.name == name} if found else set()
        return Taken(by_constraint=bool(kinds - {"i"}), by_relation=not kinds.isdisjoint(INDEXES))

    def is_unfinished(self, table: str, name: str) -> bool:
        return False

    def schema_apart(self, table: str) -> str | None:
        return None

    def sequence_owner(self, sequence: str) -> SequenceOwner | None:
        return None

    def row_type_users(self, table: str) -> Sequence[str]:
        return ()

    def listeners(self, table: str) -> Listeners:
        return Listeners()

    def sequences_outside(self, table: str, column: str, ends: tuple[int, int]) -> Sequence[str]:
        return ()

    def shown(self, table: str) -> Shown | None:
        """Return None: models do not tell what is owed."""
        return None

    def rights(self, table: str) -> Rights:
        return Rights()

    def against_a_view(self, table: str) -> Sequence[str]:
        return ()

    def shadow(self, table: str, wanted: Wanted) -> Shadow | None:
        """Return only the type and the obstacles, as far as the models tell."""
        column = self.column(table, wanted.column)
        if column is None:
            return None
        why_not = []
        for each in self.constraints(table):
            of_column = wanted.column in (each.columns if each.own else each.to_columns)
            if of_column and each.kind == "x":
                why_not.append(f"constraint {quote(each.name)} on table {each.table} depends on the column")
        return Shadow(type=wanted.type, not_null=column.not_null, why_not=tuple(why_not))

    def adding_rewrites(self, table: str, column: str, definition: str, params: Sequence[Any] | None) -> bool:
        kind, _, rest = definition.partition(" ")
        words = definition.upper()
        if "GENERATED" in words:
            return "VIRTUAL" not in words
        if "SERIAL" in kind.upper() or not _known_type(definition):
            return True
        default = re.search(r"\bDEFAULT \((.*)\)", rest, re.S)
        return default is not None and not _one_value(default[1])

    def type_change(
        self, table: str, column: str, wanted: tuple[str, str | None, bool], gone: Gone, old_type: str
    ) -> TypeChange | None:
        found = self.tables.get(table)
        of = found.columns.get(column) if found else None
        if of is None or found is None:
            return judge(old_type, "", wanted, False, ()) if old_type else None
        uses = [*_uses(found, column, gone), *self._used_from(found, column, gone)]
        return judge(of.type, of.collation, wanted, of.identity, uses)

    def _used_from(self, table: Table, column: str, gone: Gone) -> Iterator[Use]:
        for other, held in self.tables.referencing(table.name):
            if held.to_column == column and not gone.has("foreign key", held.name):
                of = other.columns[held.columns[0]]
                yield Use("foreign key", held.name, other_type=of.type)


#: The names in ``type_changes`` for objects other than indexes.
KINDS = {"c": "check", "f": "foreign key"}


def _uses(table: Table, column: str, gone: Gone) -> Iterator[Use]:
    for held in table.held:
        if column not in held.touches or gone.has(KINDS.get(held.kind, "index"), held.name):
            continue
        if held.kind == "c":
            yield Use("check", held.name)
        elif held.kind == "f":
            yield Use("foreign key", held.name)
        else:
            yield Use(
                "index",
                held.name,
                held.method,
                opclass=held.opclasses[held.columns.index(column)] if held.opclasses and column in held.columns else "",
                key=column in held.columns,
                predicate=held.predicate,
                expression=not held.columns,
                exclusion=held.kind == "x",
            )


def _constraint(held: ConstraintOrIndex, table: str, own: bool) -> Constraint:
    return Constraint(
        name=held.name,
        kind=held.kind,
        table=table,
        own=own,
        columns=held.columns,
        to_table=held.to_table,
        to_columns=(held.to_column,) if held.to_column else (),
        deferrable=held.deferrable,
        deferred=held.deferrable,
        on_update="a",
        on_delete=held.on_delete,
        match="s",
        valid=True,
        definition=_definition(held.text) if held.kind == "c" else "",
        inherited=False,
    )


def _index(held: ConstraintOrIndex) -> Index:
    return Index(
        name=held.name,
        keys=held.columns,
        touches=frozenset(held.touches),
        opclasses=held.opclasses or ("",) * len(held.columns),
        unique=held.unique,
        valid=True,
        plain=held.plain and held.method == "btree",
        of_constraint=held.kind != "i",
        tablespace=0,
    )


def _definition(check: str) -> str:
    """Return a check as the server would write it, each condition in parentheses.

    :param check: as Django's Q writes it.
    """
    inner = check[1:-1] if check.startswith("(") and check.endswith(")") else check
    parts = [inner] if re.search(r"\b(OR|NOT \(|CASE|BETWEEN)\b|[()']", inner) else inner.split(" AND ")
    return f"CHECK ({'(' if len(parts) > 1 else ''}({') AND ('.join(parts)}){')' if len(parts) > 1 else ''})"


def _known_type(definition: str) -> bool:
    kind = re.split(r" (?:NOT NULL|NULL|DEFAULT|UNIQUE|PRIMARY KEY|COLLATE|CHECK|CONSTRAINT|GENERATED)\b", definition)[
        0
    ]
    return always_known(kind) or re.split(r"[(\[]", kind)[0].strip().lower() in EXTENSION_TYPES


def _one_value(expression: str) -> bool:
    """Return whether each function in it is known to give the same value for every row."""
    bare = re.sub(r"'(?:[^']|'')*'", "''", expression)
    return {name.lower() for name in re.findall(r"\b([A-Za-z_]\w*)\s*\(", bare)} <= STABLE
