"""Typed questions to ``pg_catalog``.

Tables are asked for by the text in the statement, so the answer is about the schema in which the statement itself would
act. The queries stand in ``catalog.sql``; ``relation(…)`` in them is :func:`naming.relation`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache, cached_property
from importlib import resources
from typing import Any, TypeVar

from django.db import DatabaseError, transaction

from ..ddl.conjuncts import conjuncts
from ..ddl.spaces import Space, space_of
from ..naming import Names, quote, relation, split_identifier
from ..search_path import refuse_hostile_search_path
from ..server import names_of
from ..type_changes import Gone, TypeChange
from .dependents import Dependent
from .projection import Projection
from .records import Column, Constraint, Index, IndexShape, Partition, SequenceOwner, Size

T = TypeVar("T")
PROBE = "pg_temp.zero_downtime_probe"
#: A name that the server writes without quotes, unless it is a keyword.
BARE = re.compile("[a-z_][a-z0-9_]*")


@cache
def _queries() -> dict[str, str]:
    files = (resources.files(__package__).joinpath(name) for name in ("catalog.sql", "dependents.sql"))
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    blocks = re.split(r"^-- (\w+)\n", text, flags=re.M)[1:]
    return {
        name: re.sub(r"^--.*\n", "", body, flags=re.M).strip().replace("relation(%s)", relation("%s::pg_catalog.text"))
        for name, body in zip(blocks[::2], blocks[1::2], strict=True)
    }


class Catalog:
    """Asks under today's names and answers under those of ``projection``. Answers are kept: make a new one for each
    plan.
    """

    def __init__(self, connection: Any, projection: Projection) -> None:
        self.connection = connection
        self.projection = projection
        self._kept: dict[tuple[Any, ...], Any] = {}

    @cached_property
    def names(self) -> Names:
        """Those of the database."""
        return names_of(self.connection)

    def fetch(self, query: str, params: Sequence[object]) -> list[tuple[Any, ...]]:
        refuse_hostile_search_path(self.connection)
        with self.connection.cursor() as cursor:
            cursor.execute(query, params)
            return list(cursor.fetchall())

    def _ask(self, name: str, *params: object) -> list[tuple[Any, ...]]:
        key = (name, *params)
        if key not in self._kept:
            self._kept[key] = self.fetch(_queries()[name], params)
        rows: list[tuple[Any, ...]] = self._kept[key]
        return rows

    def exists(self, table: str) -> bool:
        return bool(self._ask("exists", self.projection.live_table(table))[0][0])

    def size(self, table: str) -> Size:
        """Of a table with all that inherits from it."""
        return Size(*self._ask("size", self.projection.live_table(table))[0])

    def nulls(self, table: str, column: str) -> int:
        """About how many rows have NULL in a column, by the statistics of the last ANALYZE."""
        rows = self._ask("nulls", self.projection.live_column(table, column), self.projection.live_table(table))
        return int(rows[0][0]) if rows else 0

    def column(self, table: str, column: str) -> Column | None:
        """:param column: its plain name."""
        live = self.projection.live_column(table, column)
        rows = self._ask("column", self.projection.live_table(table), live)
        return Column(*rows[0]) if rows else None

    def constraints(self, table: str) -> list[Constraint]:
        """The table's own constraints."""
        return [constraint for constraint in self._constraints(table) if constraint.own]

    def referencing(self, table: str) -> list[Constraint]:
        """Foreign keys of other tables that point to this one."""
        return [constraint for constraint in self._constraints(table) if not constraint.own]

    def other_sides(self, table: str, column: str | None = None) -> list[str]:
        """The tables on the other side of the foreign keys of a table, or of one of its columns."""
        own = [x for x in self.constraints(table) if x.kind == "f" and (column is None or column in x.columns)]
        others = [x for x in self.referencing(table) if column is None or column in x.to_columns]
        return [x.to_table for x in own if not self.same_table(x.to_table, table)] + [x.table for x in others]

    def _constraints(self, table: str) -> Iterator[Constraint]:
        live = self.projection.live_table(table)
        projection = self.projection
        for row in self._ask("constraints", live, live, live, live):
            name, kind, own, other, columns, to_table, to_columns, *rest = row
            its_table = table if own else projection.shown_table(self._as_spoken(other))
            space = space_of(kind)
            if projection.hides(its_table, name, space) or its_table in projection.dropped_tables:
                continue
            target = projection.shown_table(self._as_spoken(to_table or ""))
            yield Constraint(
                projection.shown_name(its_table, name, space),
                kind,
                its_table,
                own,
                tuple(projection.shown_column(its_table, column) for column in columns or ()),
                target,
                tuple(projection.shown_column(target, column) for column in to_columns or ()),
                *rest,
            )

    def _as_spoken(self, table: str) -> str:
        """Statements may write a table's schema where the catalogue does not, because the name alone means it."""
        for spoken in self.projection.spoken:
            if spoken.endswith(f'".{table}') and self.same_today(spoken, table):
                return spoken
        return table

    def constraint(self, table: str, name: str) -> Constraint | None:
        """:param name: as in SQL, quoted or not."""
        plain = self.names.plain(name)
        return next((constraint for constraint in self.constraints(table) if constraint.name == plain), None)

    def indexes(self, table: str) -> list[Index]:
        shown = self.projection.shown_column
        found = []
        for name, keys, touches, opclasses, *rest in self._ask("indexes", self.projection.live_table(table)):
            if self.projection.hides(table, name, Space.INDEXES):
                continue
            names = tuple(shown(table, key) for key in keys)
            touched = frozenset(shown(table, column) for column in touches)
            found.append(
                Index(self.projection.shown_name(table, name, Space.INDEXES), names, touched, tuple(opclasses), *rest)
            )
        return found

    def index(self, table: str, name: str) -> Index | None:
        plain = self.names.plain(name)
        return next((index for index in self.indexes(table) if index.name == plain), None)

    def partitions(self, table: str) -> list[Partition]:
        """A partitioned table and its partitions at every level, each after its parent; empty for any other table."""
        rows = self._ask("partitions", self.projection.live_table(table))
        # The table itself goes by the name that the statements have for it.
        names = {rows[0][0]: table} if rows else {}
        return [
            Partition(
                names.get(name, name),
                names.get(parent, parent),
                kind,
                tuple(self.projection.shown_column(table, column) for column in key),
            )
            for name, parent, kind, key in rows
        ]

    def index_parts(self, table: str, name: str) -> list[tuple[str, str]]:
        """The partitions that have a part of an index, each with the part's plain name. :param name: a plain one."""
        rows = self._ask("index_parts", self.projection.live_table(table), name)
        return [(partition, part) for partition, part in rows]

    def index_shape(self, table: str, definition: str, unique: bool) -> IndexShape | None:
        """Build an index on an empty temporary copy, which is rolled back; None where the server refuses that.

        :param definition: what follows the table in CREATE INDEX, with its parameters in it.
        """
        live, projection, queries = self.projection.live_table(table), self.projection, _queries()

        def look(probe: str) -> IndexShape:
            changes = [f"RENAME COLUMN {quote(old)} TO {quote(new)}" for new, old in projection.renamed_columns(table)]
            changes += [f"ADD COLUMN {quote(name)} {kind}" for name, kind in projection.new_types(table)]
            with self.connection.cursor() as cursor:
                for change in changes:
                    cursor.execute(f"ALTER TABLE {probe} {change}", None)
                cursor.execute(f"CREATE{' UNIQUE' if unique else ''} INDEX ON {probe}{definition}", None)
            columns = self.fetch(queries["index_columns"], [probe])[0][0]
            equals = self.fetch(queries["equal_indexes"], [live, probe, probe, live])
            return IndexShape(tuple(columns), tuple((name, index, kind) for name, index, kind in equals))

        return self.on_probe(f"(LIKE {live})", look)

    def dependents(self, kind: str, table: str, name: str = "") -> list[Dependent]:
        """What depends on an object, and is not known to have gone before.

        :param kind: ``column``, ``constraint`` or ``index`` of the table, by its plain name; ``relation`` for a table
            or sequence itself.
        """
        gone = self.maybe_gone(kind, table, name)
        return [x for x in self._dependents(kind, table, name) if x not in gone]

    def maybe_gone(self, kind: str, table: str, name: str = "") -> list[Dependent]:
        """What depends on an object today, and may not when the statement runs, for all that is planned before it."""
        return [
            x for x in self._dependents(kind, table, name) if x.may_be_gone(self.projection, self._as_spoken(x.table))
        ]

    def _dependents(self, kind: str, table: str, name: str) -> list[Dependent]:
        live = self.projection.live_name(kind, table, name)
        if kind != "relation" and not live:
            return []
        return [Dependent(*row) for row in self._ask("dependents", self.projection.live_table(table), kind, live)]

    def triggers(self, table: str, column: str, prefix: str) -> dict[str, str]:
        """The definitions of the triggers that name a column, by their names, which begin with the prefix."""
        return dict(self._ask("triggers", table, column, prefix))

    def not_null_proof(self, table: str, column: str) -> str | None:
        """A valid CHECK from which the server concludes that there is no NULL: SET NOT NULL then does not scan."""
        name = self.projection.live_column(table, column)
        wanted = {f"({name if BARE.fullmatch(name) else quote(name)} IS NOT NULL)", f"({quote(name)} IS NOT NULL)"}
        for constraint in self.constraints(table):
            if constraint.kind == "c" and constraint.valid and not wanted.isdisjoint(conjuncts(constraint.definition)):
                # A row IS NOT NULL only if none of its columns is NULL, and the server does not conclude from that.
                is_row = self._ask("is_row", self.projection.live_table(table), name)
                return None if is_row and is_row[0][0] else constraint.name
        return None

    def name_taken(self, table: str, name: str, relations: bool) -> bool:
        """Whether the schema of a table has a constraint of this plain name.

        :param relations: or a relation, as matters for a constraint with an index.
        """
        if self.projection.has(table, name):
            return True
        rows = self._ask("name_taken", name, name, self.projection.live_table(table))
        constraint, relation = rows[0] if rows else (False, False)
        spaces = self.projection.names
        index_goes = (table, name) in spaces[Space.INDEXES].dropped
        goes = index_goes or (table, name) in spaces[Space.CONSTRAINTS].dropped
        return (constraint and not goes) or (relations and relation and not index_goes)

    def is_unfinished(self, table: str, name: str) -> bool:
        """Whether a table has an INVALID index of this plain name that is no part of another index."""
        return bool(self._ask("is_unfinished", self.projection.live_table(table), name)[0][0])

    def beside(self, table: str, name: str) -> str:
        """The quoted name of an index of a table, with the table's schema where the name alone may mean another one."""
        schema = [quote(part) for part in split_identifier(table)[:-1]]
        if not schema:
            schema = [quote(row[0]) for row in self._ask("schema_apart", self.projection.live_table(table))]
        return ".".join([*schema, name])

    def sequence_owner(self, sequence: str) -> SequenceOwner | None:
        rows = self._ask("sequence_owner", sequence)
        return SequenceOwner(self._as_spoken(rows[0][0]), rows[0][1]) if rows else None

    def same_table(self, table: str, other: str) -> bool:
        """Whether two quoted names mean the same table of today."""
        live = self.projection.live_table
        return self.same_today(live(table), live(other))

    def same_today(self, table: str, other: str) -> bool:
        return table == other or bool(self._ask("same_table", table, other)[0][0])

    def type_change(
        self, table: str, column: str, wanted: tuple[str, str | None, bool], gone: Gone, old_type: str
    ) -> TypeChange | None:
        """What ALTER COLUMN … TYPE does; None where the table or column is not there.

        :param table: under its name of today, as ``column``. :param wanted: the type, its collation, and whether there
            is a USING. :param gone: indexes and constraints that will have been dropped.
        :param old_type: for a column that is still to be made; empty where nobody knows.
        """
        # The judgement has more code than all rules together, and most runs change no type.
        from ..type_changes.judge import judge

        change = judge(self.fetch, table, column, *wanted, gone)
        if change is None and old_type:
            # A migration that has not run yet makes the column: an empty one of its type stands for it.
            return self.on_probe(f"(c {old_type})", lambda probe: judge(self.fetch, probe, "c", *wanted))
        return change

    def adding_rewrites(self, table: str, column: str, definition: str, params: Sequence[Any] | None) -> bool:
        """Whether ADD COLUMN would write the table anew, asked of the server on an empty temporary copy that is
        rolled back.

        False when the server refuses the definition: the real statement will then say why.
        """
        add = f"ALTER TABLE {PROBE} ADD COLUMN {column} {definition}"
        composed = add if params is None else self.connection.ops.compose_sql(add, params)

        def rewritten(probe: str) -> bool:
            before = self.fetch("SELECT pg_catalog.pg_relation_filenode(%s)", [probe])
            with self.connection.cursor() as cursor:
                cursor.execute(composed, None)
            return before != self.fetch("SELECT pg_catalog.pg_relation_filenode(%s)", [probe])

        return bool(self.on_probe(f"(LIKE {self.projection.live_table(table)})", rewritten))

    def on_probe(self, definition: str, ask: Callable[[str], T]) -> T | None:
        """Ask about an empty temporary table, which is rolled back; None when the server refuses something of it.

        :param definition: what follows the name in CREATE TABLE.
        """
        alias = self.connection.alias
        try:
            with transaction.atomic(alias):
                with self.connection.cursor() as cursor:
                    cursor.execute(f"CREATE TEMPORARY TABLE {PROBE.partition('.')[2]} {definition}", None)
                answer = ask(PROBE)
                transaction.set_rollback(True, alias)
            return answer
        except DatabaseError:
            return None
