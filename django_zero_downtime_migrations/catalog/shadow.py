"""A column of another type that is to take a column's place, as the server itself would define it.

The server changes the type on an empty temporary copy of the table, which is rolled back; its answers about indexes,
constraints, statistics objects and the default are what ALTER COLUMN … TYPE makes of them on the table. No definition
is put together from the text of another one.
"""

from __future__ import annotations

from ..record import Record, Row


class Wanted(Row):
    """The request of an ALTER COLUMN … TYPE.

    :param column: plain name.
    :param name: plain name of the new column.
    :param type: as in SQL.
    :param collation: plain name, or quoted with its schema; None to leave it to the type.
    :param dropped: indexes, constraints and statistics objects that will have been dropped by then, by plain name.
    """

    column: str
    name: str
    type: str
    collation: str | None = None
    dropped: frozenset[str] = frozenset()


class ShadowIndex(Row):
    """An index of the new column.

    :param name: plain name of today's index, which the new one gets in the end.
    :param definition: what follows the table in CREATE INDEX, up to a tablespace.
    :param predicate: the rest.
    :param constraint: ``u`` for the index of a unique constraint, ``p`` for a primary key's; else empty.
    :param deferrable: what follows ``USING INDEX`` for its constraint.
    :param tablespace: plain name; empty for the default one.
    :param comment: of the index.
    :param constraint_comment: of its constraint.
    :param is_identity: it is the table's replica identity.
    """

    name: str
    definition: str
    predicate: str
    has_expression: bool
    unique: bool
    constraint: str
    deferrable: str
    tablespace: str
    comment: str | None
    constraint_comment: str | None
    clustered: bool
    is_identity: bool


class ShadowCheck(Row):
    """A CHECK of the new column.

    :param definition: what follows the name in ADD CONSTRAINT.
    """

    name: str
    definition: str
    comment: str | None


class ShadowStatistics(Row):
    """A statistics object of the new column.

    :param schema: plain name.
    :param definition: what follows the name in CREATE STATISTICS, up to the table.
    :param target: of ALTER STATISTICS … SET STATISTICS; None for the default.
    """

    schema: str
    name: str
    definition: str
    target: int | None
    comment: str | None


class ShadowSequence(Row):
    """The sequence of the column.

    :param name: as in SQL, with its schema.
    :param kind: of the identity that it is part of, ``ALWAYS`` or ``BY DEFAULT``; empty for a sequence that the column
        owns.
    :param options: an identity's options, as in CREATE SEQUENCE.
    :param privileges: statements that restore its privileges of today when it is made again.
    """

    name: str
    kind: str
    options: str
    comment: str | None
    privileges: tuple[str, ...]


class Shadow(Record):
    """The new column.

    :param type: with its length, as the server writes it.
    :param collation: quoted, with its schema; empty for the type's own.
    :param collatable: its values are texts, which a collation compares.
    :param not_null_name: of the NOT NULL constraint, from PostgreSQL 18 on; empty without one.
    :param default: as in SQL; empty without one.
    :param target: of SET STATISTICS; None for the default.
    :param options: of ``ALTER COLUMN … SET``, such as ``n_distinct=-1``.
    :param grants: statements that give the column's own privileges to the new one.
    :param spares_triggers: the role may fill it without the table's own triggers being fired.
    :param why_not: sentences that say why the column cannot be replaced while the table is in use.
    """

    type: str
    collation: str = ""
    collatable: bool = False
    not_null: bool = False
    not_null_name: str = ""
    default: str = ""
    comment: str | None = None
    target: int | None = None
    options: tuple[str, ...] = ()
    grants: tuple[str, ...] = ()
    indexes: tuple[ShadowIndex, ...] = ()
    checks: tuple[ShadowCheck, ...] = ()
    statistics: tuple[ShadowStatistics, ...] = ()
    sequences: tuple[ShadowSequence, ...] = ()
    spares_triggers: bool = False
    why_not: tuple[str, ...] = ()
