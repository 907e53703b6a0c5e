"""Statements that keep something for old code, and write that down: none of these is one of Django's."""

from __future__ import annotations

from typing import Final

from ..locks import Lock, LockMode
from .statement import Statement

#: Column names of a view, each with the column's name in the table.
Pairs = tuple[tuple[str, str], ...]


class ShowBoth(Statement):
    """Give a name to a view of a table. Not one of Django's statements.

    :param hidden: the name of the table, quoted, with its schema if that has to be said.
    :param pairs: old names of columns, and the names that they have by now; plain.
    :param moves: the table has the name of the view, and gets the other name, which is not used otherwise.
    :param like: the table whose rights the view gets; empty for the one that has its name until then.
    """

    hidden: str
    pairs: Pairs = ()
    moves: bool = True
    like: str = ""


class ShowNoMore(Statement):
    """The opposite of :class:`ShowBoth`."""

    hidden: str
    moves: bool = True

    def locks(self) -> tuple[Lock, ...]:
        # A reader locks the view first, and then the table.
        mode = LockMode.ACCESS_EXCLUSIVE
        return (Lock(self.table, mode), Lock(self.hidden, mode, only=True))


#: The kind of what is owed when a column or tables stay for old code.
REMOVED: Final = "removed"
#: When a view has an old name.
RENAMED: Final = "renamed"
#: When a new NOT NULL column keeps its default, for code that inserts without it.
DEFAULT: Final = "default"
#: When a column becomes NOT NULL, and a trigger fills it for code that writes NULL.
FILLED: Final = "filled"


class Owe(Statement):
    """Write down that a column, a whole table, or what is kept of a column for old code is to be dropped when no old
    code is left. Not one of Django's statements; its text is what is owed, and is not sent.

    :param written: the SQL that is sent.
    :param tables: all that stay.
    :param column: the column that stays; empty if tables do.
    :param owed_by: the operation that removes it, by its name.
    :param kind: what is owed.
    :param note: what its finding adds; may be empty.
    """

    written: str
    tables: tuple[str, ...]
    column: str = ""
    owed_by: str = ""
    kind: str = REMOVED
    note: str = ""
    mode = None


class OweNoMore(Statement):
    """The opposite of :class:`Owe`: the operation is taken back."""

    owed_by: str
    mode = None


class BeginToPay(Statement):
    """Mark what is owed as due: a Contract that is interrupted goes on, whatever is seen by then."""

    owed_by: str
    mode = None
