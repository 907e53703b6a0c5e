"""A migration writes down that rows are to be changed later, and ``manage.py backfills --run`` changes them.

The record is written in the transaction of the migration, as the position of a backfill is: in the comment of a type
that is named after the operation. What is to be done stands in the migration file alone, so that nothing that is read
from the database becomes SQL.
"""

from __future__ import annotations

import json

from django.db import DatabaseError, transaction

from ...django_types import Connection
from ...log import logger
from ...printable import printable
from ..kept import Kept, said
from ..server_errors import DEPENDENT_OBJECTS_STILL_EXIST, LOCK_NOT_AVAILABLE, sqlstate
from ..session.questions import ask
from .position import SLOTS, Whose, type_of


class Later:
    """The record that an operation has left for later.

    :param table: as it is written in SQL.
    """

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
        """Say why it cannot be written down, and what to do; empty if it can, or is already."""
        found = next((x for x in self._kept.types if x.name == self.type_name), None)
        if found is None:
            return self._kept.why_not("What is left for later is kept", "or leave out later=True")
        if found.trusted:
            return ""
        return f"{self._kept.path(found.name)} has its name, and belongs to the role {printable(found.owner)}"

    @property
    def sql(self) -> str:
        about = {"later": True, "table": self.table, **self.whose.about}
        return self._kept.create(self.type_name, SLOTS, about)

    def write(self) -> None:
        """Write the record. An earlier run of the migration may have done so, and a completed record may be left."""
        if all(x.name != self.type_name for x in self._kept.types):
            self._kept.run(self.sql)
        else:
            path = self._kept.path(self.type_name)
            self._kept.run("; ".join(f"COMMENT ON COLUMN {path}.{slot} IS NULL" for slot in SLOTS))

    @property
    def forgetting(self) -> str:
        return self._kept.drop([self.type_name])

    def forget(self) -> None:
        """Drop the record of a migration that is taken back. If other objects depend on the type, mark it as done."""
        if not any(x.name == self.type_name and x.trusted for x in self._kept.types):
            return
        try:
            with transaction.atomic(self.connection.alias):
                self._kept.run(self._kept.dropping([self.type_name]))
        except DatabaseError as error:
            if sqlstate(error) not in (DEPENDENT_OBJECTS_STILL_EXIST, LOCK_NOT_AVAILABLE):
                raise
            self._kept.run(done(self._kept, self.type_name))
            text = "%s is owed no more, and %s stays (%s): it does no harm."
            logger.warning(text, self.whose, self._kept.path(self.type_name), printable(said(error)))


def done(kept: Kept, type_name: str) -> str:
    """Return the SQL that marks a record as complete if its type cannot be dropped."""
    return kept.comment(type_name, "position", json.dumps({"done": True}))
