"""A migration writes down that rows are to be changed later, and ``manage.py backfills --run`` changes them.

It is written in the transaction of the migration, as the position of a backfill is: in the comment of a type that is
named after the operation. What is to be done stands in the migration file alone, so that nothing that is read from the
database becomes SQL.
"""

from __future__ import annotations

from ..django_types import Connection
from ..printable import printable
from .kept import Kept
from .position import SLOTS, Whose, type_of
from .questions import ask


class Later:
    """:param table: as it is written in SQL."""

    def __init__(self, connection: Connection, whose: Whose, table: str) -> None:
        self.connection = connection
        self.whose = whose
        self.table = table
        self._kept = Kept(connection)

    @property
    def type_name(self) -> str:
        return type_of(self.whose)

    @property
    def has_rows(self) -> bool:
        return bool(ask(self.connection, f"SELECT 1 FROM {self.table} LIMIT 1"))

    def why_not(self) -> str:
        """Why it cannot be written down, and what to do; empty where it can, or is already."""
        found = next((x for x in self._kept.place.types if x.name == self.type_name), None)
        if found is None:
            return self._kept.why_not("What is left for later is kept", "or leave out later=True")
        if found.trusted:
            return ""
        return f"{self._kept.path(found.name)} has its name, and belongs to the role {printable(found.owner)}"

    @property
    def sql(self) -> str:
        about = {"later": True, "table": self.table, **self.whose._asdict()}
        return self._kept.create(self.type_name, SLOTS, about)

    def write(self) -> None:
        """Unless an earlier run of the migration has."""
        if all(x.name != self.type_name for x in self._kept.place.types):
            self._kept.run(self.sql)

    @property
    def forgetting(self) -> str:
        return self._kept.drop([self.type_name])

    def forget(self) -> None:
        """The migration is taken back. :raises DatabaseError: when others have made something of the type."""
        if any(x.name == self.type_name and x.trusted for x in self._kept.place.types):
            self._kept.run(self._kept.dropping([self.type_name]))
