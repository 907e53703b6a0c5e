"""The answers of a :class:`~.protocol.Catalog` about tables, columns, constraints and indexes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ..record import Row


class Column(Row):
    not_null: bool
    #: False for PostgreSQL 18's NOT NULL that is NOT VALID yet.
    not_null_valid: bool
    has_default: bool
    identity: bool
    type: str


class Constraint(Row):
    """``kind`` is ``pg_constraint.contype``; ``table`` and ``to_table`` are quoted SQL text."""

    name: str
    kind: str
    table: str
    own: bool
    columns: tuple[str, ...]
    to_table: str
    to_columns: tuple[str, ...]
    deferrable: bool
    deferred: bool
    on_update: str
    on_delete: str
    match: str
    valid: bool
    definition: str
    inherited: bool
    #: The server's own part of a foreign key of this table, for one partition of the table that it points to.
    part: bool = False
    #: The role may alter the table that is asked about, and not the other table, which has this foreign key.
    out_of_reach: bool = False
    comment: str | None = None


class Index(Row):
    """``keys``: its columns, empty for an expression. ``touches``: every column that it reads. ``plain``: a btree
    over columns, ascending, without INCLUDE, expressions and predicate.
    """

    name: str
    keys: tuple[str, ...]
    touches: frozenset[str]
    opclasses: tuple[str, ...]
    unique: bool
    valid: bool
    plain: bool
    of_constraint: bool
    tablespace: int
    partitioned: bool = False


class Partition(Row):
    """A partitioned table or one of its partitions. Tables are quoted SQL text.

    :param parent: empty for the table that was asked about.
    :param kind: ``pg_class.relkind``: ``p`` has partitions of its own, ``r`` has rows, ``f`` is a foreign table.
    :param key: the columns of its own partition key, empty for an expression.
    """

    table: str
    parent: str
    kind: str
    key: tuple[str, ...]


class IndexPart(Row):
    """The part of a partitioned table's index that one partition has. ``partition`` is quoted SQL text."""

    partition: str
    name: str


class EqualIndex(Row):
    """An index of a partition. ``table`` is quoted SQL text.

    :param kind: the type of its constraint, as in ``pg_constraint.contype``; empty without one.
    """

    table: str
    name: str
    kind: str


class IndexShape(Row):
    """The server's view of an index that is still to be built.

    :param columns: the names that it gives the index's columns.
    :param equals: the indexes of the partitions that it would attach.
    """

    columns: tuple[str, ...]
    equals: tuple[EqualIndex, ...]


class Publication(Row):
    """A publication that has a table, or partitions of it.

    :param whole: it has every column, also one that is added later.
    :param updates: it sends the rows that an UPDATE writes.
    """

    name: str
    whole: bool
    updates: bool


class Listeners(Row):
    """The triggers and publications that see each row of a table that an UPDATE writes, without this package's own.

    :param triggers: the names of enabled row triggers, and the plain names of the columns that each is for; none if an
        UPDATE of any column fires it.
    """

    triggers: Mapping[str, frozenset[str]] = MappingProxyType({})
    publications: tuple[Publication, ...] = ()


class Taken(Row):
    """Whether a schema has a constraint, and whether it has a relation, of a name."""

    by_constraint: bool
    by_relation: bool


class SequenceOwner(Row):
    """The column that a sequence belongs to. ``table`` is quoted SQL text; ``identity``: it is not a ``serial``."""

    table: str
    identity: bool


class Size(Row):
    """About how many rows a table has, its bytes with indexes and TOAST, and those of its indexes as VACUUM or ANALYZE
    has last found them; None if that is not known.
    """

    rows: int | None = None
    bytes: int | None = None
    indexes: int | None = None
