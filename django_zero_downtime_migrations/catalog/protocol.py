"""The questions that can be asked of a database as it is today."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ..naming import Names
from ..type_changes import Gone, TypeChange
from .dependents import Dependent
from .records import Column, Constraint, Index, IndexPart, IndexShape, Listeners, Partition, SequenceOwner, Size, Taken
from .shadow import Shadow, Wanted
from .shown import Rights, Shown


class Catalog(Protocol):
    """Today's database, asked of the server (:mod:`.server`) or told by the models
    (``judging.without_database.model_catalog``).

    A table is quoted SQL text and means what a statement with this text would mean; the name of a column, constraint or
    index is its plain one. Nothing is known of a missing table, unless a method says otherwise.
    """

    @property
    def connection(self) -> Any:
        """Django's wrapper; if the models answer, the wrapper of a database that is never asked."""

    @property
    def names(self) -> Names:
        """How the database spells and shortens names."""

    def exists(self, table: str) -> bool: ...

    def same_table(self, table: str, other: str) -> bool:
        """Whether two names mean the same table."""

    def size(self, table: str) -> Size:
        """The size of a table with all that inherits from it."""

    def nulls(self, table: str, column: str) -> int:
        """Return about how many rows have NULL in a column, by the last ANALYZE; all rows without statistics."""

    def column(self, table: str, column: str) -> Column | None: ...

    def is_row(self, table: str, column: str) -> bool:
        """Whether the values of a column are rows: of a composite type, or of a domain over one."""

    def constraints(self, table: str) -> Sequence[Constraint]:
        """The constraints of a table, and the foreign keys of others that point to it (``own`` is False)."""

    def indexes(self, table: str) -> Sequence[Index]:
        """Return the indexes of a table, including its constraints' own."""

    def partitions(self, table: str) -> Sequence[Partition]:
        """A partitioned table and its partitions at every level, each after its parent; empty for any other table."""

    def index_parts(self, table: str, name: str) -> Sequence[IndexPart]:
        """The partitions' parts of an index of a partitioned table."""

    def index_shape(self, table: str, definition: str, unique: bool, changes: Sequence[str] = ()) -> IndexShape | None:
        """Return the shape that an index would have; None if that cannot be told, or if the server refuses the index.

        :param definition: what follows the table in CREATE INDEX, with its parameters in it.
        :param changes: what ALTER TABLE does to the table before, each without the table.
        """

    def dependents(self, table: str, kind: str, name: str) -> Sequence[Dependent]:
        """Return the objects that depend on an object of a table.

        :param kind: ``column``, ``constraint`` or ``index``; ``relation`` for the table or sequence itself, which needs
            no name.
        """

    def triggers(self, table: str, column: str, prefix: str) -> Mapping[str, str]:
        """The definitions of the triggers that name a column, by their names, which begin with the prefix."""

    def taken(self, table: str, name: str) -> Taken:
        """Whether a name is taken in the schema of a table."""

    def is_unfinished(self, table: str, name: str) -> bool:
        """Whether a table has an INVALID index of this name that is not part of another index."""

    def schema_apart(self, table: str) -> str | None:
        """Return the schema of a table; None if it is the first in which a name without a schema is looked up."""

    def sequence_owner(self, sequence: str) -> SequenceOwner | None:
        """Return the column that a sequence belongs to.

        :param sequence: quoted SQL text.
        """

    def type_change(
        self, table: str, column: str, wanted: tuple[str, str | None, bool], gone: Gone, old_type: str
    ) -> TypeChange | None:
        """Return what ALTER COLUMN … TYPE does; None if the table or column does not exist.

        :param wanted: the type, its collation, and whether there is a USING.
        :param gone: indexes and constraints that will have been dropped.
        :param old_type: for a column that is still to be made; empty if that is not known.
        """

    def adding_rewrites(self, table: str, column: str, definition: str, params: Sequence[Any] | None) -> bool:
        """Return whether ADD COLUMN would rewrite the table.

        :param column: quoted SQL text.
        """

    def row_type_users(self, table: str) -> Sequence[str]:
        """Return the functions that may rely on the order of a table's columns."""

    def listeners(self, table: str) -> Listeners:
        """Return what is told of each row of a table, or of its partitions, that an UPDATE writes."""

    def sequences_outside(self, table: str, column: str, ends: tuple[int, int]) -> Sequence[str]:
        """Return the sequences of a column whose value, start or configured end is outside a range."""

    def shown(self, table: str) -> Shown | None:
        """Return the table that a view shows; None if the name belongs to a table, or to a view of something else."""

    def rights(self, table: str) -> Rights:
        """Return the owner of a table, and the roles that may read and write it."""

    def against_a_view(self, table: str) -> Sequence[str]:
        """Return, in words, what would not work with a view in a table's place."""

    def shadow(self, table: str, wanted: Wanted) -> Shadow | None:
        """Return the column that can take the place of another one; None if that cannot be told."""
