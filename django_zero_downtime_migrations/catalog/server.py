"""The catalogue as the server tells it.

Tables are asked for by the text in the statement, so the answer is about the schema in which the statement itself would
act. The questions stand in the files of :data:`.asking.FILES`, where each value has the name of the field that it
becomes; ``relation(…)`` in them is :func:`naming.relation`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from ..django_types import Connection
from ..type_changes import Gone, TypeChange
from .asking import PROBE, REFUSED, Asking, Row
from .dependents import Dependent
from .records import (
    Column,
    Constraint,
    EqualIndex,
    Index,
    IndexPart,
    IndexShape,
    Listeners,
    Partition,
    Publication,
    SequenceOwner,
    Size,
    Taken,
)
from .shadow import Shadow, Wanted
from .shown import Rights, Shown, rights_of, shown_of

T = TypeVar("T")


class ServerCatalog(Asking):
    """A :class:`~.protocol.Catalog` on a server. Answers are kept: make a new one for each plan."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._kept: dict[tuple[Any, ...], list[Row]] = {}

    def _ask(self, question: str, *params: object) -> list[Row]:
        key = (question, *params)
        if key not in self._kept:
            self._kept[key] = self.rows(question, params)
        return self._kept[key]

    def _first(self, question: str, *params: object) -> Any:
        """Return the only value of an answer; None if it has no row."""
        return next((value for row in self._ask(question, *params) for value in row.values()), None)

    def exists(self, table: str) -> bool:
        return bool(self._first("exists", table))

    def same_table(self, table: str, other: str) -> bool:
        return table == other or bool(self._first("same_table", table, other))

    def size(self, table: str) -> Size:
        return Size(**self._ask("size", table)[0])

    def nulls(self, table: str, column: str) -> int:
        return int(self._first("nulls", column, table) or 0)

    def column(self, table: str, column: str) -> Column | None:
        rows = self._ask("column", table, column)
        return Column(**rows[0]) if rows else None

    def is_row(self, table: str, column: str) -> bool:
        return bool(self._first("is_row", table, column))

    def constraints(self, table: str) -> list[Constraint]:
        return [
            Constraint(
                **row
                | {
                    "table": row["table"] or table,
                    "columns": tuple(row["columns"] or ()),
                    "to_table": row["to_table"] or "",
                    "to_columns": tuple(row["to_columns"] or ()),
                }
            )
            for row in self._ask("constraints", table, table, table, table)
        ]

    def indexes(self, table: str) -> list[Index]:
        return [
            Index(
                **row
                | {
                    "keys": tuple(row["keys"]),
                    "touches": frozenset(row["touches"]),
                    "opclasses": tuple(row["opclasses"]),
                }
            )
            for row in self._ask("indexes", table)
        ]

    def partitions(self, table: str) -> list[Partition]:
        return [Partition(**row | {"key": tuple(row["key"])}) for row in self._ask("partitions", table)]

    def index_parts(self, table: str, name: str) -> list[IndexPart]:
        return [IndexPart(**row) for row in self._ask("index_parts", table, name)]

    def index_shape(self, table: str, definition: str, unique: bool, changes: Sequence[str] = ()) -> IndexShape | None:
        """Build it on an empty temporary copy, which is rolled back."""

        def look(probe: str) -> IndexShape:
            with self.connection.cursor() as cursor:
                for change in changes:
                    cursor.execute(f"ALTER TABLE {probe} {change}", None)
                cursor.execute(f"CREATE{' UNIQUE' if unique else ''} INDEX ON {probe}{definition}", None)
            (columns,) = self.rows("index_columns", [probe])
            equals = self.rows("equal_indexes", [table, probe, probe, table])
            return IndexShape(tuple(columns["names"]), tuple(EqualIndex(**row) for row in equals))

        return self._on_probe(f"(LIKE {table})", look)

    def dependents(self, table: str, kind: str, name: str) -> list[Dependent]:
        return [Dependent(**row) for row in self._ask("dependents", table, kind, name)]

    def triggers(self, table: str, column: str, prefix: str) -> Mapping[str, str]:
        return {row["name"]: row["definition"] for row in self._ask("triggers", table, column, prefix)}

    def taken(self, table: str, name: str) -> Taken:
        rows = self._ask("taken", name, name, table)
        return Taken(**rows[0]) if rows else Taken(False, False)

    def is_unfinished(self, table: str, name: str) -> bool:
        return bool(self._first("is_unfinished", table, name))

    def schema_apart(self, table: str) -> str | None:
        schema: str | None = self._first("schema_apart", table)
        return schema

    def sequence_owner(self, sequence: str) -> SequenceOwner | None:
        rows = self._ask("sequence_owner", sequence)
        return SequenceOwner(**rows[0]) if rows else None

    def type_change(
        self, table: str, column: str, wanted: tuple[str, str | None, bool], gone: Gone, old_type: str
    ) -> TypeChange | None:
        # The judgement has more code than all rules together, and most runs change no type.
        from ..type_changes.judge import judge

        change = judge(self.fetch, table, column, *wanted, gone)
        if change is None and old_type:
            # A migration that has not run yet makes the column: an empty column of its type stands for it.
            return self._on_probe(f"(c {old_type})", lambda probe: judge(self.fetch, probe, "c", *wanted))
        return change

    def adding_rewrites(self, table: str, column: str, definition: str, params: Sequence[Any] | None) -> bool:
        """Add it to an empty temporary copy, which is rolled back.

        False when the server refuses the definition: the real statement will then say why.
        """
        add = f"ALTER TABLE {PROBE} ADD COLUMN {column} {definition}"
        composed = add if params is None else self.connection.ops.compose_sql(add, params)

        def rewritten(probe: str) -> bool:
            before = self.fetch("SELECT pg_catalog.pg_relation_filenode(%s)", [probe])
            with self.connection.cursor() as cursor:
                cursor.execute(composed, None)
            return before != self.fetch("SELECT pg_catalog.pg_relation_filenode(%s)", [probe])

        return bool(self._on_probe(f"(LIKE {table})", rewritten))

    def row_type_users(self, table: str) -> Sequence[str]:
        return [row["name"] for row in self._ask("row_type_users", table)]

    def listeners(self, table: str) -> Listeners:
        triggers = {row["name"]: frozenset(row["columns"] or ()) for row in self._ask("row_triggers", table, table)}
        publications = self._ask("publications", table, table, table)
        return Listeners(triggers, tuple(Publication(**row) for row in publications))

    def sequences_outside(self, table: str, column: str, ends: tuple[int, int]) -> Sequence[str]:
        return [row["name"] for row in self._ask("sequences_outside", *ends, column, table)]

    def shown(self, table: str) -> Shown | None:
        return shown_of(table, self._ask("shown", table), self.names)

    def rights(self, table: str) -> Rights:
        return rights_of(self._ask("rights", table, table, table, table))

    def against_a_view(self, table: str) -> Sequence[str]:
        return [row["why"] for row in self._ask("against_a_view", table)]

    def shadow(self, table: str, wanted: Wanted) -> Shadow | None:
        from .shadow_on_server import shadow_of

        return shadow_of(self, table, wanted)

    def _on_probe(self, definition: str, ask: Callable[[str], T]) -> T | None:
        """Ask as :meth:`on_probe`; None if the server refuses a part of it."""
        try:
            return self.on_probe(definition, ask)
        except REFUSED:
            return None
