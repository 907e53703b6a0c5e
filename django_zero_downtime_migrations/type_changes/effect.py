"""The effects of a change of type on a table, from nothing to an error."""

from __future__ import annotations

import enum

from ..record import Row
from .narrowing import Fits


class Effect(enum.Enum):
    """The effects in the order of their cost. From SCAN on, no session can read or write the table meanwhile."""

    #: Type, length and collation are the column's already: the statement can be left out.
    NOTHING = 0
    #: Only the catalogue changes.
    CATALOGUE = 1
    #: The table, or a table that a foreign key connects with it, is read to verify a constraint again.
    SCAN = 2
    #: Indexes are rebuilt, the table is kept.
    INDEX_REBUILD = 3
    #: The table and all of its indexes are rewritten; also the answer if a smaller effect is not certain.
    REWRITE = 4
    #: The server raises an error.
    REFUSED = 5


class Gone(Row):
    """Plain names of what is dropped before a type changes.

    :param indexes: indexes, and constraints that have one.
    :param others: other constraints, and triggers.
    :param named: any objects, each with its kind.
    """

    indexes: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()
    named: frozenset[tuple[str, str]] = frozenset()

    def has(self, kind: str, name: str) -> bool:
        """Return whether an object is dropped.

        :param kind: a word of ``dependents.sql``.
        """
        if (kind, name) in self.named:
            return True
        if kind == "index":
            return name in self.indexes
        return kind in DROPPED_BY_NAME and name in self.others


#: The objects, other than indexes, that are dropped before a type changes.
DROPPED_BY_NAME = frozenset({"foreign key", "check", "trigger"})


class TypeChange(Row):
    """The effect of one change.

    :param because: a sentence for each object or fact that makes the change expensive, or impossible.
    :param keeps_values: the conversion of a value can neither fail nor lose anything of it.
    :param fits: if it can, which values are the same in the new type; None if that is not known.
    """

    effect: Effect
    old_type: str
    new_type: str
    because: tuple[str, ...]
    keeps_values: bool = False
    fits: Fits | None = None
