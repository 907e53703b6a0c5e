"""What a change of type does to a table, from nothing to an error."""

from __future__ import annotations

import enum

from ..record import Row
from .narrowing import Fits


class Effect(enum.Enum):
    """Everything from SCAN on happens while nobody can read or write the table. The order is that of the cost."""

    #: Type, length and collation are the column's already: the statement can be left out.
    NOTHING = 0
    #: Only the catalogue changes.
    CATALOGUE = 1
    #: The table, or one that a foreign key connects with it, is read to verify a constraint again.
    SCAN = 2
    #: Indexes are rebuilt, the table is kept.
    INDEX_REBUILD = 3
    #: The table and all of its indexes are rewritten; also the answer when it is not known to be less.
    REWRITE = 4
    #: The server raises an error.
    REFUSED = 5


class Gone(Row):
    """Plain names of what is dropped before a type changes.

    :param indexes: and of constraints that have one. :param others: of other constraints, and triggers.
    :param named: of anything, each with its kind.
    """

    indexes: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()
    named: frozenset[tuple[str, str]] = frozenset()

    def has(self, kind: str, name: str) -> bool:
        """:param kind: a word of ``dependents.sql``."""
        if (kind, name) in self.named:
            return True
        if kind == "index":
            return name in self.indexes
        return kind in DROPPED_BY_NAME and name in self.others


#: What is dropped beside indexes before a type changes.
DROPPED_BY_NAME = frozenset({"foreign key", "check", "trigger"})


class TypeChange(Row):
    """:param because: a sentence for each object or fact that makes the change expensive, or impossible.

    :param keeps_values: the conversion of a value can neither fail nor lose anything of it.
    :param fits: where it can, which values are the same in the new type; None where that is not known.
    """

    effect: Effect
    old_type: str
    new_type: str
    because: tuple[str, ...]
    keeps_values: bool = False
    fits: Fits | None = None
