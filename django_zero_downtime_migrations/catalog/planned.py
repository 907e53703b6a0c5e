"""The catalogue as it will be once the planned statements have run: rewrites and rules ask this one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..ddl.conjuncts import conjuncts
from ..ddl.spaces import Space, space_of
from ..naming import Names, quote, split_identifier
from ..type_changes import Gone, TypeChange
from .dependents import Dependent
from .projection import Projection
from .protocol import Catalog
from .records import Column, Constraint, Index, IndexPart, IndexShape, Listeners, Partition, SequenceOwner, Size
from .shadow import Shadow, Wanted
from .shown import Rights, Shown

#: A name that the server writes without quotes, unless it is a keyword.
BARE = re.compile("[a-z_][a-z0-9_]*")


class PlannedCatalog:
    """A catalogue that asks under today's names and answers under the names of ``projection``.

    :param today: the catalogue that answers.
    """

    def __init__(self, today: Catalog, projection: Projection) -> None:
        self.today = today
        self.projection = projection

    def at(self, projection: Projection) -> PlannedCatalog:
        """Return the same database at another moment of the plan."""
        return PlannedCatalog(self.today, projection)

    @property
    def connection(self) -> Any:
        return self.today.connection

    @property
    def names(self) -> Names:
        return self.today.names

    def _live(self, table: str) -> str:
        return self.projection.live_table(table)

    def _shown(self, live: str) -> str:
        """Return the name that statements have, or will have, for a table of the catalogue."""
        return self.projection.shown_table(self._as_spoken(live))

    def _as_spoken(self, table: str) -> str:
        """Return a table's name as statements write it, maybe with a schema that the catalogue leaves out."""
        for spoken in self.projection.spoken:
            if spoken.endswith(f'".{table}') and self.today.same_table(spoken, table):
                return spoken
        return table

    # Tables and columns

    def exists(self, table: str) -> bool:
        return self.today.exists(self._live(table))

    def same_table(self, table: str, other: str) -> bool:
        """Return whether two quoted names mean the same table of today."""
        return self.today.same_table(self._live(table), self._live(other))

    def size(self, table: str) -> Size:
        """The size of a table with all that inherits from it."""
        return self.today.size(self._live(table))

    def nulls(self, table: str, column: str) -> int:
        """Return about how many rows have NULL in a column, by the statistics of the last ANALYZE."""
        return self.today.nulls(self._live(table), self.projection.live_column(table, column))

    def column(self, table: str, column: str) -> Column | None:
        """Return a column.

        :param column: its plain name.
        """
        return self.today.column(self._live(table), self.projection.live_column(table, column))

    def partitions(self, table: str) -> list[Partition]:
        """A partitioned table and its partitions at every level, each after its parent; empty for any other table."""
        parts = self.today.partitions(self._live(table))
        # The statements' own name of the table is returned.
        names = {parts[0].table: table} if parts else {}
        return [
            part._replace(
                table=names.get(part.table, part.table),
                parent=names.get(part.parent, part.parent),
                key=tuple(self.projection.shown_column(table, column) for column in part.key),
            )
            for part in parts
        ]

    def sequence_owner(self, sequence: str) -> SequenceOwner | None:
        owner = self.today.sequence_owner(sequence)
        return owner and owner._replace(table=self._as_spoken(owner.table))

    def type_change(
        self, table: str, column: str, wanted: tuple[str, str | None, bool], gone: Gone, old_type: str
    ) -> TypeChange | None:
        """See :meth:`.Catalog.type_change`."""
        live = self.projection.live_column(table, column)
        return self.today.type_change(self._live(table), live, wanted, gone, old_type)

    def adding_rewrites(self, table: str, column: str, definition: str, params: Sequence[Any] | None) -> bool:
        """Return whether ADD COLUMN would rewrite the table.

        :param column: quoted SQL text.
        """
        return self.today.adding_rewrites(self._live(table), column, definition, params)

    # Constraints

    def constraints(self, table: str) -> list[Constraint]:
        """The table's own constraints."""
        return [constraint for constraint in self._constraints(table) if constraint.own]

    def referencing(self, table: str) -> list[Constraint]:
        """Return the foreign keys of other tables that point to this one."""
        return [constraint for constraint in self._constraints(table) if not constraint.own]

    def constraint(self, table: str, name: str) -> Constraint | None:
        """Return a constraint.

        :param name: as in SQL, quoted or not.
        """
        plain = self.names.plain(name)
        return next((constraint for constraint in self.constraints(table) if constraint.name == plain), None)

    def _constraints(self, table: str) -> Iterator[Constraint]:
        projection = self.projection
        for live in self.today.constraints(self._live(table)):
            its_table = table if live.own else self._shown(live.table)
            space = space_of(live.kind)
            if projection.hides(its_table, live.name, space) or its_table in projection.dropped_tables:
                continue
            target = self._shown(live.to_table)
            yield live._replace(
                name=projection.shown_name(its_table, live.name, space),
                table=its_table,
                columns=tuple(projection.shown_column(its_table, column) for column in live.columns),
                to_table=target,
                to_columns=tuple(projection.shown_column(target, column) for column in live.to_columns),
            )

    def other_sides(self, table: str, column: str | None = None) -> list[str]:
        """The tables on the other side of the foreign keys of a table, or of one of its columns."""
        own = [x for x in self.constraints(table) if x.kind == "f" and (column is None or column in x.columns)]
        others = [x for x in self.referencing(table) if column is None or column in x.to_columns]
        return [x.to_table for x in own if not self.same_table(x.to_table, table)] + [x.table for x in others]

    def not_null_proof(self, table: str, column: str) -> str | None:
        """Return a valid CHECK that proves NOT NULL to the server: SET NOT NULL then does not scan."""
        name = self.projection.live_column(table, column)
        wanted = {f"({name if BARE.fullmatch(name) else quote(name)} IS NOT NULL)", f"({quote(name)} IS NOT NULL)"}
        for constraint in self.constraints(table):
            if constraint.kind == "c" and constraint.valid and not wanted.isdisjoint(conjuncts(constraint.definition)):
                # A row IS NOT NULL only if all its columns are not NULL, and the server concludes nothing from that.
                return None if self.today.is_row(self._live(table), name) else constraint.name
        return None

    def name_taken(self, table: str, name: str, relations: bool) -> bool:
        """Return whether the schema of a table has a constraint of this plain name.

        :param relations: look for a relation as well, which matters for a constraint with an index.
        """
        if self.projection.has(table, name):
            return True
        taken = self.today.taken(self._live(table), name)
        goes, index_goes = self.projection.drops(table, name), self.projection.drops(table, name, Space.INDEXES)
        return (taken.by_constraint and not goes) or (relations and taken.by_relation and not index_goes)

    # Indexes

    def indexes(self, table: str) -> list[Index]:
        projection = self.projection
        return [
            live._replace(
                name=projection.shown_name(table, live.name, Space.INDEXES),
                keys=tuple(projection.shown_column(table, key) for key in live.keys),
                touches=frozenset(projection.shown_column(table, column) for column in live.touches),
            )
            for live in self.today.indexes(self._live(table))
            if not projection.hides(table, live.name, Space.INDEXES)
        ]

    def index(self, table: str, name: str) -> Index | None:
        """Return an index.

        :param name: as in SQL, quoted or not.
        """
        plain = self.names.plain(name)
        return next((index for index in self.indexes(table) if index.name == plain), None)

    def index_parts(self, table: str, name: str) -> Sequence[IndexPart]:
        """Return the partitions' parts of an index of a partitioned table, by the index's plain name."""
        return self.today.index_parts(self._live(table), name)

    def index_shape(self, table: str, definition: str, unique: bool) -> IndexShape | None:
        """Return the shape that an index would have; None if that cannot be told.

        :param definition: what follows the table in CREATE INDEX, with its parameters in it.
        """
        renamed, made = self.projection.renamed_columns(table), self.projection.new_types(table)
        changes = [f"RENAME COLUMN {quote(old)} TO {quote(new)}" for new, old in renamed]
        changes += [f"ADD COLUMN {quote(name)} {kind}" for name, kind in made]
        return self.today.index_shape(self._live(table), definition, unique, changes)

    def is_unfinished(self, table: str, name: str) -> bool:
        """Whether a table has an INVALID index of this plain name that is not part of another index."""
        return self.today.is_unfinished(self._live(table), name)

    def beside(self, table: str, name: str) -> str:
        """Return the quoted name of an index, with its table's schema if the name alone may mean another index."""
        schema = [quote(part) for part in split_identifier(table)[:-1]]
        if not schema and (apart := self.today.schema_apart(self._live(table))) is not None:
            schema = [quote(apart)]
        return ".".join([*schema, name])

    def row_type_users(self, table: str) -> Sequence[str]:
        """See :meth:`.Catalog.row_type_users`."""
        return self.today.row_type_users(self._live(table))

    def listeners(self, table: str) -> Listeners:
        return self.today.listeners(self._live(table))

    def sequences_outside(self, table: str, column: str, ends: tuple[int, int]) -> Sequence[str]:
        """See :meth:`.Catalog.sequences_outside`."""
        return self.today.sequences_outside(self._live(table), self.projection.live_column(table, column), ends)

    def shown(self, table: str) -> Shown | None:
        """See :meth:`.Catalog.shown`."""
        if table in self.projection.shown:
            planned = self.projection.shown[table]
            return None if planned is None else Shown(planned.hidden, planned.pairs, planned.moves)
        return self.today.shown(self._live(table))

    def shows(self, view: str, table: str, column: str) -> bool:
        """Return whether a view shows a column of a table.

        :param column: its plain name.
        """
        shown = self.shown(view)
        if shown is None or shown.hidden != table or (table, column) in self.projection.unseen:
            return False
        # A planned view shows all that the table has then.
        return view in self.projection.shown or self.projection.live_column(table, column) in shown.columns

    def rights(self, table: str) -> Rights:
        """See :meth:`.Catalog.rights`."""
        found, shown = self.today.rights(self._live(table)), self.projection.shown_column
        grants = (x._replace(column=x.column and shown(table, x.column)) for x in found.grants)
        return found._replace(grants=tuple(grants))

    def against_a_view(self, table: str) -> Sequence[str]:
        """See :meth:`.Catalog.against_a_view`."""
        return self.today.against_a_view(self._live(table))

    def shadow(self, table: str, wanted: Wanted) -> Shadow | None:
        """Return the column that can take the place of another one, of a table that has not been renamed."""
        return self.today.shadow(self._live(table), wanted)

    # The dependents of an object

    def dependents(self, kind: str, table: str, name: str = "") -> list[Dependent]:
        """Return what depends on an object, and is not known to have been dropped before.

        :param kind: ``column``, ``constraint`` or ``index`` of the table, by its plain name; ``relation`` for a table
            or sequence itself.
        """
        gone = self.maybe_gone(kind, table, name)
        return [x for x in self._dependents(kind, table, name) if x not in gone]

    def maybe_gone(self, kind: str, table: str, name: str = "") -> list[Dependent]:
        """Return what depends on an object today, and may not when the statement runs, after what is planned before."""
        projection = self.projection
        return [x for x in self._dependents(kind, table, name) if projection.may_drop(x, self._as_spoken(x.table))]

    def _dependents(self, kind: str, table: str, name: str) -> Sequence[Dependent]:
        live = self.projection.live_name(kind, table, name)
        if kind != "relation" and not live:
            return []
        # A view that is in the place of a table today may be planned to become the table again.
        views = {view for view, planned in self.projection.shown.items() if planned is None}
        of_today = self.today.dependents(self._live(table), kind, live)
        planned = self.projection.triggers(table, name) if kind == "column" else []
        return [*(x for x in of_today if x.table not in views), *planned]

    def triggers(self, table: str, column: str, prefix: str) -> Mapping[str, str]:
        """Return the definitions of the triggers that name a column, by their names, which begin with the prefix.

        Empty if the table or column has another name today, which the definitions still have.
        """
        if (self._live(table), self.projection.live_column(table, column)) != (table, column):
            return {}
        return self.today.triggers(table, column, prefix)
