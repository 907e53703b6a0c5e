"""The position of an UPDATE in ranges of pages, written down in the transaction of each range.

The next run of an ended UPDATE goes on there. The position is a hint, and the rows are found by their condition: if the
position is lost, or belongs to files that the table no longer has, the UPDATE begins at the first page.

It is kept as a journal is: in a comment, which only its owner can write and no logical subscriber gets
(docs/decisions/0006-a-journal-in-comments.md).
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timezone
from typing import Any, Final, TextIO

from django.db import DatabaseError

from ...django_types import Connection
from ...errors import BackfillStopped
from ...log import logger
from ...printable import printable
from ...record import Row
from ..kept import COMPOSITE, PREFIX, Kept, KeptType
from ..session.questions import rows
from .batch_sql import Update

#: The prefix of the types' names; a digest of the UPDATE follows.
NAME: Final = f"{PREFIX}backfill"
#: The format of what is written; another format is not read.
FORMAT: Final = 1
#: The attributes of the type: the position of the UPDATE, and whether it has to wait.
SLOTS: Final = ("position", "paused")
#: How many pages put aside are written down; with more of them, the position stays where it is.
MOST_HELD: Final = 1000

# VACUUM FULL, CLUSTER and a rewrite give a table another file, in which its rows stand on other pages.
_FILES = """
WITH RECURSIVE tree(oid) AS (
    SELECT pg_catalog.to_regclass(%s::pg_catalog.text)::pg_catalog.oid
    UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN tree ON i.inhparent = tree.oid
)
SELECT pg_catalog.pg_relation_filenode(oid::pg_catalog.regclass)::pg_catalog.int8 FROM tree ORDER BY 1
"""


# Only the role itself, or a superuser, can have written it.
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


class Whose(Row):
    """The operation that changes the rows, by its place in a migration.

    :param operation: its index.
    :param part: the index inside it, if it contains several operations; None otherwise.
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
        """The parts of the place that are not None, as they are written down."""
        return {name: value for name, value in self._asdict().items() if value is not None}


class Caller(Row):
    """The caller that changes the rows.

    :param whose: the operation; None outside a migration.
    :param stream: where the command writes; None without a command.
    :param later: it is ``manage.py backfills --run``, and not the migration itself.
    """

    whose: Whose | None = None
    stream: TextIO | None = None
    later: bool = False


#: The caller outside a migration.
NOBODY: Final = Caller()


class Saved(Row):
    """A position.

    :param page: the page before which all is done, except ``held``.
    :param pages: how many the table had at the beginning.
    :param rows: how many had been changed before the last range.
    :param speed: rows per second, in the run that has written it.
    """

    page: int
    pages: int
    held: tuple[int, ...] = ()
    rows: int = 0
    speed: float = 0.0


def saved(written: dict[str, Any]) -> Saved:
    """Read a position.

    :param written: what :meth:`Position.sql` has written.
    :raises KeyError, TypeError, ValueError: when that is something else.
    """
    page, pages, held, changed = (written[name] for name in ("page", "pages", "held", "rows"))
    return Saved(int(page), int(pages), tuple(map(int, held)), int(changed), float(written.get("speed", 0)))


def type_of(whose: Whose) -> str:
    """Return the name of the type that records that an operation is to be done later."""
    return f"{NAME}_{hashlib.sha256(str(whose).encode()).hexdigest()[:16]}"


class Position:
    """The position of one UPDATE. It is written from the second range on: a small table is complete before.

    A position that cannot be written does not stop the UPDATE: the next run begins at the first page then.

    :param caller: shown when backfills are listed. If the migration has only written down that the rows are to be
        changed, the position stands beside that record, and ends with it.
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
        """True if its type exists, and belongs to this role or a superuser."""
        return self._exists

    def read(self) -> Saved | None:
        """Return what an earlier run has written; None if it has not, or if that is useless now."""
        self._files = [number for (number,) in rows(self.connection, _FILES, self.update.table)]
        found = next((found for found in self._kept.types if found.name == self.type_name), None)
        # A hint of another role is not taken. That role's object stays, and has the name.
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
        """Return the statements that write a position in the transaction of the range that it follows."""
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
        """The name by which ``manage.py backfills`` lists it."""
        return str(self.whose or self.type_name.removeprefix(f"{NAME}_"))

    def paused(self) -> str:
        """Say that an authorized user has paused it, and how to resume it; empty if it is not paused."""
        if not self._exists or not rows(self.connection, _PAUSED, self._kept.path(self.type_name)):
            return ""
        return f"paused by `manage.py backfills --pause`; `manage.py backfills --resume {self.id}` lets it go on"

    def sent(self) -> None:
        """Note that what :meth:`sql` returned is committed."""
        self._exists = True

    def give_up(self, error: DatabaseError) -> None:
        """Stop writing it: its name has been taken by another role, or its type has been dropped.

        :raises BackfillStopped: if the rows are to be changed only for as long as it is there.
        """
        if self.later:
            raise BackfillStopped(
                f"{self.id} is not owed any more ({printable(str(error).strip())}): the migration was taken back, or "
                "the backfill abandoned. What is done stays."
            ) from error
        logger.warning("%s: the position is not kept any more: %s", self.update.table, printable(str(error).strip()))
        self._exists = self._writes = False

    def end(self) -> None:
        """Drop the position, as all is done."""
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
