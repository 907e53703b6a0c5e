"""What is left for old code, and written down: none of these is one of Django's."""

from __future__ import annotations

from typing import Final

from ..locks import Lock, LockMode
from .statement import Statement

#: The names that a view has for columns, and those of the table's.
Pairs = tuple[tuple[str, str], ...]


class ShowBoth(Statement):
    """Give a name to a view of a table. None of Django's.

    :param hidden: the name of the table, quoted, with the schema where that has to be said.
    :param pairs: old names of columns, and the ones that they have by now; plain.
    :param moves: the table has the name of the view, and gets the other one, which nobody uses.
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
        # Whoever reads locks the view first, and then the table.
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
    code is left. None of Django's; its text is what is owed, and is not sent.

    :param written: what is sent.
    :param tables: all that stay. :param column: the one that stays; empty where tables do.
    :param owed_by: the operation that removes it, by its name. :param kind: of what is owed.
    :param note: what its finding says as well; empty where that is nothing.
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
