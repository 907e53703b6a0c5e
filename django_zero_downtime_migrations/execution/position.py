"""Where an UPDATE in ranges of pages stands, written down in the transaction of each range.

A run that was ended goes on there. The position is a hint, and the rows are found by their condition: where it is lost,
or belongs to files that the table has no longer, the UPDATE begins at the first page.

It is kept as a journal is: in a comment, which nobody but its owner writes and no logical subscriber gets
(docs/decisions/0006-a-journal-in-comments.md).
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timezone
from typing import Any, Final, NamedTuple, TextIO

from django.db import DatabaseError

from ..django_types import Connection
from ..errors import BackfillStopped
from ..log import logger
from ..printable import printable
from .batch_sql import Update
from .kept import COMPOSITE, PREFIX, Kept, KeptType
from .questions import rows

#: What the names of the types begin with; a digest of the UPDATE follows.
NAME: Final = f"{PREFIX}backfill"
#: Of what is written; another one is not read.
FORMAT: Final = 1
#: What the type has: where the UPDATE stands, and whether it is to wait.
SLOTS: Final = ("position", "paused")
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


# Nobody but the role itself, or a superuser, can have written it.
_PAUSED = """
SELECT 1 FROM pg_catalog.pg_type t
JOIN pg_catalog.pg_attribute a ON a.attrelid = t.typrelid AND a.attname = 'paused'::pg_catalog.name
JOIN pg_catalog.pg_description d ON d.objoid = t.typrelid AND d.objsubid = a.attnum
JOIN pg_catalog.pg_roles o ON o.oid = t.typowner
JOIN pg_catalog.pg_roles u ON u.rolname = CURRENT_USER
WHERE t.oid = pg_catalog.to_regtype(%s::pg_catalog.text)::pg_catalog.oid AND t.typtype = 'c'
AND d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
AND (o.oid = u.oid OR (o.rolsuper AND pg_catalog.pg_has_role(u.oid, o.oid, 'USAGE')))
"""


class Whose(NamedTuple):
    """The operation that changes the rows, as it stands in its migration.

    :param operation: its index. :param part: the index inside of it, where it has several; None where it has not.
    """

    app: str
    migration: str
    operation: int
    part: int | None = None

    def __str__(self) -> str:
        part = "" if self.part is None else f".{self.part}"
        return f"{self.app}.{self.migration}:{self.operation}{part}"

    @property
    def about(self) -> dict[str, str | int]:
        """As it is written down."""
        return {name: value for name, value in self._asdict().items() if value is not None}


class Caller(NamedTuple):
    """Who changes the rows.

    :param whose: the operation; None outside of a migration.
    :param stream: where the command writes; None where there is none.
    :param later: it is ``manage.py backfills --run``, and not the migration itself.
    """

    whose: Whose | None = None
    stream: TextIO | None = None
    later: bool = False


#: Outside of a migration.
NOBODY: Final = Caller()


class Saved(NamedTuple):
    """:param page: the one before which all is done, but for those that are ``held``.

    :param pages: how many the table had at the beginning.
    :param rows: how many had been changed before the last range.
    :param speed: rows in a second, in the run that has written it.
    """

    page: int
    pages: int
    held: tuple[int, ...] = ()
    rows: int = 0
    speed: float = 0.0


def saved(written: dict[str, Any]) -> Saved:
    """:param written: what :meth:`Position.sql` has written.

    :raises KeyError, TypeError, ValueError: when that is something else.
    """
    page, pages, held, changed = (written[name] for name in ("page", "pages", "held", "rows"))
    return Saved(int(page), int(pages), tuple(map(int, held)), int(changed), float(written.get("speed", 0)))


def type_of(whose: Whose) -> str:
    """The name of the type in which it is written down that an operation is to be done later."""
    return f"{NAME}_{hashlib.sha256(str(whose).encode()).hexdigest()[:16]}"


class Position:
    """Of one UPDATE. It is written from the second range on: a small table is through before.

    What cannot be written stops nothing: the next run begins at the first page then.

    :param caller: told to who lists the backfills. Where the migration has only written down that the rows are to be
        changed, the position stands beside that, and ends with it.
    """

    def __init__(self, connection: Connection, update: Update, caller: Caller = NOBODY) -> None:
        self.connection = connection
        self.update = update
        self.whose = caller.whose
        self.later = caller.later
        self._kept = Kept(connection)
        self._files: list[int] = []
        self._exists = self._writes = False

    @property
    def type_name(self) -> str:
        if self.later and self.whose:
            return type_of(self.whose)
        return f"{NAME}_{self._digest}"

    @property
    def _digest(self) -> str:
        return hashlib.sha256(self.update.whole.encode()).hexdigest()[:16]

    @property
    def exists(self) -> bool:
        """Whether its type is there, and ours."""
        return self._exists

    def read(self) -> Saved | None:
        """What an earlier run has written; None where it has not, or where that is of no use any more."""
        self._files = [number for (number,) in rows(self.connection, _FILES, self.update.table)]
        found = next((found for found in self._kept.types if found.name == self.type_name), None)
        # A hint of somebody else's is not taken. His object stays, and has the name.
        self._exists = found is not None and found.trusted and found.kind == COMPOSITE
        may = found is None and not self.later and not self._kept.why_not("A backfill keeps its position", "")
        self._writes = self._exists or may
        return self._read(found) if found is not None and self._exists else None

    def _read(self, found: KeptType) -> Saved | None:
        try:
            slots = json.loads(found.slots or "{}")
            if self.later and "position" not in slots:
                return None
            written = json.loads(slots["position"])
            of_another = written.get("update", self._digest) != self._digest
            if written["format"] != FORMAT or written["files"] != self._files or of_another:
                return None
            return saved(written)
        except (KeyError, TypeError, ValueError) as error:
            logger.warning("%s: the position cannot be read: %s", self.update.table, printable(repr(error)))
            return None

    def sql(self, saved: Saved) -> list[str]:
        """What stands in the transaction of a range, which is done with it."""
        if not self._writes or len(saved.held) > MOST_HELD:
            return []
        now = datetime.now(timezone.utc).isoformat(" ", "seconds")
        written = {"format": FORMAT, **saved._asdict(), "files": self._files, "at": now}
        written |= {"update": self._digest} if self.later else {}
        position = self._kept.comment(self.type_name, "position", json.dumps(written, separators=(",", ":")))
        return [position] if self._exists else [self._kept.create(self.type_name, SLOTS, self._about), position]

    @property
    def _about(self) -> dict[str, object]:
        whose = self.whose.about if self.whose else {}
        return {"update": self.update.whole, "table": self.update.table, **whose}

    @property
    def id(self) -> str:
        """What ``manage.py backfills`` calls it."""
        return str(self.whose or self.type_name.removeprefix(f"{NAME}_"))

    def paused(self) -> str:
        """Whether somebody who may has asked it to wait, and how it goes on; empty where nobody has."""
        if not self._exists or not rows(self.connection, _PAUSED, self._kept.path(self.type_name)):
            return ""
        return f"paused by `manage.py backfills --pause`; `manage.py backfills --resume {self.id}` lets it go on"

    def sent(self) -> None:
        """What :meth:`sql` gave is committed."""
        self._exists = True

    def give_up(self, error: DatabaseError) -> None:
        """Write no more of it: somebody has taken its name, or taken it away.

        :raises BackfillStopped: where the rows are to be changed only for as long as it is there.
        """
        if self.later:
            raise BackfillStopped(
                f"{self.id} is not owed any more ({printable(str(error).strip())}): the migration was taken back, or "
                "the backfill abandoned. What is done stays."
            ) from error
        logger.warning("%s: the position is not kept any more: %s", self.update.table, printable(str(error).strip()))
        self._exists = self._writes = False

    def end(self) -> None:
        """All is done."""
        if self.later or not self._exists:
            return
        self._exists = False
        try:
            left = self._kept.remove([self.type_name])
        except DatabaseError as error:
            left = {self.type_name: printable(str(error).strip())}
        for name, why in left.items():
            text = "%s: all rows are done, and %s cannot be dropped (%s): it does no harm."
            logger.warning(text, self.update.table, self._kept.path(name), why)
