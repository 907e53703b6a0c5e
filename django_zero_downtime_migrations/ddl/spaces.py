"""The spaces in which PostgreSQL keeps the names of what belongs to a table.

An index, and a constraint that has one, is named among relations; any other constraint among constraints. One table may
have a foreign key and an index of the same name, which Django gives them if the server cuts two long names to one.
"""

from __future__ import annotations

import enum

from . import statements as s


class Space(enum.Enum):
    INDEXES = "indexes"
    CONSTRAINTS = "constraints"


BOTH = (Space.INDEXES, Space.CONSTRAINTS)
_INDEXES = (s.CreateIndex, s.DropIndex, s.RenameIndex, s.AddUnique, s.AddPrimaryKey, s.AddExclusion)
_CONSTRAINTS = (s.AddForeignKey, s.AddCheck, s.DropForeignKey)
_WITH_INDEX = ("unique", "primary key", "exclusion")


def spaces_of(statement: s.Statement) -> tuple[Space, ...]:
    """Return the spaces of a statement's name; both if its text does not tell."""
    if isinstance(statement, _INDEXES):
        return (Space.INDEXES,)
    if isinstance(statement, _CONSTRAINTS):
        return (Space.CONSTRAINTS,)
    kind = getattr(statement, "kind", "")
    if kind in _WITH_INDEX:
        return (Space.INDEXES,)
    # Django's statement for a check also drops an exclusion constraint.
    return (Space.CONSTRAINTS,) if kind == "foreign key" else BOTH


def space_of(contype: str) -> Space:
    """Return the space of a constraint.

    :param contype: as in ``pg_constraint``.
    """
    return Space.INDEXES if contype in ("p", "u", "x") else Space.CONSTRAINTS
