"""Where an UPDATE in ranges of pages stands, written down in the transaction of each range.

A run that was ended goes on there. The position is a hint, and the rows are found by their condition: where it is lost,
or belongs to files that the table has no longer, the UPDATE begins at the first page.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any, Final, NamedTuple

from ..log import logger
from ..printable import printable
from .batch_sql import Update
from .notes import COMPOSITE, PREFIX, Note, Notes
from .questions import rows

#: What the names of the types begin with; a digest of the UPDATE follows.
NAME: Final = f"{PREFIX}backfill"
#: Of what is written; another one is not read.
FORMAT: Final = 1
#: So many pages that were put aside are written down; with more of them, the position stays where it is.
MOST_HELD: Final = 1000

# VACUUM FULL, CLUSTER and a rewrite give a table another file, in which its rows stand on other pages.
_FILES = """
WITH RECURSIVE tree(oid) AS (
    SELECT pg_catalog.to_regclass(%s::pg_catalog.text)::pg_catalog.oid
    UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN tree ON i.inhparent = tree.oid
)
SELECT pg_catalog.pg_relation_filenode(oid::pg_catalog.regclass)::pg_catalog.int8 FROM tree ORDER BY 1
"""


class Saved(NamedTuple):
    """:param page: the one before which all is done, but for those that are ``held``.

    :param pages: how many the table had at the beginning.
    :param rows: how many had been changed before the last range.
    """

    page: int
    pages: int
    held: tuple[int, ...] = ()
    rows: int = 0


class Position:
    """Of one UPDATE. It is written from the second range on: a small table is through before.

    :param origin: the migration, for who lists the types.
    """

    def __init__(self, connection: Any, update: Update, origin: str = "") -> None:
        self.connection = connection
        self.update = update
        self.origin = origin
        self._notes = Notes(connection)
        self._files: list[int] = []
        self._exists = self._writes = False

    @property
    def type_name(self) -> str:
        return f"{NAME}_{hashlib.sha256(self.update.whole.encode()).hexdigest()[:16]}"

    def read(self) -> Saved | None:
        """What an earlier run has written; None where it has not, or where that is of no use any more."""
        self._files = [number for (number,) in rows(self.connection, _FILES, self.update.table)]
        self._writes = not self._notes.why_not("A backfill keeps its position", "or let it begin again")
        notes = [note for note in self._notes.place.notes if note.name == self.type_name]
        if not notes:
            return None
        if notes[0].kind != COMPOSITE or not notes[0].trusted:
            # A hint of somebody else's is not taken, and his object stays.
            self._writes = False
            return None
        self._exists = True
        return self._read(notes[0])

    def _read(self, note: Note) -> Saved | None:
        try:
            header, slots = json.loads(note.header or ""), json.loads(note.slots or "{}")
            written = json.loads(slots["position"])
            if header["format"] != FORMAT or written["files"] != self._files:
                return None
            page, pages, held, changed = (written[name] for name in ("page", "pages", "held", "rows"))
            return Saved(int(page), int(pages), tuple(map(int, held)), int(changed))
        except (KeyError, TypeError, ValueError) as error:
            logger.warning("%s: the position cannot be read: %s", self.update.table, printable(repr(error)))
            return None

    def sql(self, saved: Saved) -> Sequence[str]:
        """What stands in the transaction of a range, which is done with it."""
        if not self._writes or len(saved.held) > MOST_HELD:
            return []
        created = []
        if not self._exists:
            header = {"format": FORMAT, "origin": self.origin, "update": self.update.whole}
            created = [self._notes.create(self.type_name, ["position"], header)]
        written = {**saved._asdict(), "files": self._files, "at": datetime.now(timezone.utc).isoformat(" ", "seconds")}
        return [*created, self._notes.write(self.type_name, "position", written)]

    def sent(self) -> None:
        """What :meth:`sql` gave is committed."""
        self._exists = True

    def end(self) -> None:
        """All is done."""
        if self._exists:
            self._notes.run(self._notes.drop([self.type_name]))
            self._exists = False
