"""The catalogue as the models of a project state tell it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..catalog.projection import Projection
from ..catalog.records import Column, Constraint, Index, Size
from ..catalog.server import Catalog, T
from ..naming import quote
from ..type_changes import Gone, TypeChange
from ..type_changes.builtin import Use, always_known, judge
from .offline import NotConnected
from .sizes import Sizes
from .table import Held, Table
from .tables import Tables

Rows = list[tuple[Any, ...]]

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


class OfflineCatalog(Catalog):
    """:param sizes: how large the tables are, as far as anybody has said."""

    def __init__(self, connection: Any, projection: Projection, tables: Tables, sizes: Sizes) -> None:
        super().__init__(connection, projection)
        self.tables = tables
        self.sizes = sizes

    def fetch(self, query: str, params: Sequence[object]) -> Rows:
        raise NotConnected(f"check_migrations judges without a database here, and something asks: {query}")

    def _ask(self, name: str, *params: object) -> Rows:
        answer: Rows = getattr(self, f"_answer_{name}")(*params)
        return answer

    def _answer_exists(self, table: str) -> Rows:
        return [(self.tables.get(table) is not None,)]

    def _answer_is_row(self, table: str, column: str) -> Rows:
        # No field of Django's has a composite type.
        return [(False,)]

    def _answer_nulls(self, column: str, table: str) -> Rows:
        return [(self.sizes.of(table).rows or 0,)]

    def _answer_size(self, table: str) -> list[Size]:
        return [self.sizes.of(table)]

    def _answer_column(self, table: str, column: str) -> Rows:
        found = self.tables.get(table)
        if found is None or column not in found.columns:
            return []
        of = found.columns[column]
        known = Column(
            not_null=not of.null, not_null_valid=True, has_default=of.has_default, identity=of.identity, type=of.type
        )
        return [tuple(known)]

    def _constraints_of(self, table: Table, other: str) -> Iterator[tuple[Any, ...]]:
        for held in table.held:
            if held.kind == "i":
                continue
            known = Constraint(
                name=held.name,
                kind=held.kind,
                table=other,
                own=not other,
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
            yield known.name, known.kind, known.own, *known[2:3], *known[4:]

    def _answer_constraints(self, table: str, *again: str) -> Rows:
        found = self.tables.get(table)
        if found is None:
            return []
        rows = list(self._constraints_of(found, ""))
        for other, held in self.tables.referencing(table):
            rows += [row for row in self._constraints_of(other, other.name) if row[0] == held.name]
        return rows

    def _answer_indexes(self, table: str) -> Rows:
        found = self.tables.get(table)
        return [_index_row(held) for held in found.held if held.kind in ("i", "p", "u", "x")] if found else []

    def _answer_partitions(self, table: str) -> Rows:
        # How a table is partitioned stands in no model.
        return []

    def _answer_dependents(self, table: str, kind: str, name: str) -> Rows:
        found = self.tables.get(table) if kind == "column" else None
        columns = found.columns.items() if found else ()
        return [
            ("generated column", "DROP COLUMN", quote(column), table, table, column)
            for column, of in columns
            if quote(name) in of.generated
        ]

    def _answer_triggers(self, table: str, column: str, prefix: str) -> Rows:
        return []

    def _answer_name_taken(self, name: str, same_name: str, table: str) -> Rows:
        found = self.tables.get(table)
        kinds = {held.kind for held in found.held if held.name == name} if found else set()
        return [(bool(kinds - {"i"}), bool(kinds & {"i", "p", "u", "x"}))]

    def _answer_is_unfinished(self, table: str, name: str) -> Rows:
        return [(False,)]

    def _answer_schema_apart(self, table: str) -> Rows:
        return []

    def _answer_sequence_owner(self, sequence: str) -> Rows:
        return []

    def same_today(self, table: str, other: str) -> bool:
        return table == other

    def on_probe(self, definition: str, ask: Callable[[str], T]) -> T | None:
        return None

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


#: What ``type_changes`` calls what is not an index.
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


def _index_row(held: Held) -> tuple[Any, ...]:
    known = Index(
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
    return tuple(known)


def _definition(check: str) -> str:
    """As the server would write it, each condition in parentheses. :param check: as Django's Q writes it."""
    inner = check[1:-1] if check.startswith("(") and check.endswith(")") else check
    parts = [inner] if re.search(r"\b(OR|NOT \(|CASE|BETWEEN)\b|[()']", inner) else inner.split(" AND ")
    return f"CHECK ({'(' if len(parts) > 1 else ''}({') AND ('.join(parts)}){')' if len(parts) > 1 else ''})"


def _known_type(definition: str) -> bool:
    kind = re.split(r" (?:NOT NULL|NULL|DEFAULT|UNIQUE|PRIMARY KEY|COLLATE|CHECK|CONSTRAINT|GENERATED)\b", definition)[
        0
    ]
    return always_known(kind) or re.split(r"[(\[]", kind)[0].strip().lower() in EXTENSION_TYPES


def _one_value(expression: str) -> bool:
    """Whether each function in it is known to give the same value for every row."""
    bare = re.sub(r"'(?:[^']|'')*'", "''", expression)
    return {name.lower() for name in re.findall(r"\b([A-Za-z_]\w*)\s*\(", bare)} <= STABLE
