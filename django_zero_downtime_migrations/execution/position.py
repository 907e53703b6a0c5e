"""Where an UPDATE in ranges of pages stands, written down in the transaction of each range.

A run that was ended goes on there. The position is a hint, and the rows are found by their condition: where it is lost,
or belongs to files that the table has no longer, the UPDATE begins at the first page.

It is kept as a journal is: in a comment, which nobody but its owner writes and no logical subscriber gets
(docs/decisions/0006-a-journal-in-comments.md).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Final, NamedTuple

from ..django_types import Connection
from ..log import logger
from ..printable import printable
from .batch_sql import Update
from .journal.store import Store
from .questions import rows

#: What the names of the types begin with; a digest of the UPDATE follows.
NAME: Final = "zero_downtime_migrations_backfill"
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
# A row where something has the name. A hint of somebody else's is not taken.
_WRITTEN = """
SELECT t.typrelid <> 0::pg_catalog.oid
    AND (o.oid = u.oid OR (o.rolsuper AND pg_catalog.pg_has_role(u.oid, o.oid, 'USAGE'))),
    (
        SELECT d.description FROM pg_catalog.pg_description d
        WHERE d.objoid = t.typrelid AND d.objsubid = 1
        AND d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
    )
FROM pg_catalog.pg_type t
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
JOIN pg_catalog.pg_roles o ON o.oid = t.typowner
JOIN pg_catalog.pg_roles u ON u.rolname = CURRENT_USER
WHERE n.nspname = pg_catalog.current_schema() AND t.typname = %s::pg_catalog.text
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

    def __init__(self, connection: Connection, update: Update, origin: str = "") -> None:
        self.connection = connection
        self.update = update
        self.origin = origin
        self._store = Store(connection)
        self._files: list[int] = []
        self._exists = self._writes = False

    @property
    def type_name(self) -> str:
        return f"{NAME}_{hashlib.sha256(self.update.whole.encode()).hexdigest()[:16]}"

    @property
    def _path(self) -> str:
        return self._store.path(self.type_name)

    def read(self) -> Saved | None:
        """What an earlier run has written; None where it has not, or where that is of no use any more."""
        self._files = [number for (number,) in rows(self.connection, _FILES, self.update.table)]
        self._writes = not self._store.why_not()
        written = rows(self.connection, _WRITTEN, self.type_name)
        if not written:
            return None
        self._exists, text = written[0]
        if not self._exists:
            # It stays, and has the name.
            self._writes = False
            return None
        return self._read(text)

    def _read(self, text: str | None) -> Saved | None:
        try:
            written = json.loads(text or "")
            if written["format"] != FORMAT or written["files"] != self._files:
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
        now = datetime.now(timezone.utc).isoformat(" ", "seconds")
        written = {"format": FORMAT, **saved._asdict(), "files": self._files, "at": now}
        position = f"COMMENT ON COLUMN {self._path}.position IS {self._literal(written)}"
        return [position] if self._exists else [*self._create(), position]

    def _create(self) -> Sequence[str]:
        about = {"origin": self.origin, "update": self.update.whole}
        return [
            f"CREATE TYPE {self._path} AS (position pg_catalog.text)",
            # A column of this type would be in the way of dropping it.
            f"REVOKE ALL ON TYPE {self._path} FROM PUBLIC",
            f"COMMENT ON TYPE {self._path} IS {self._literal(about)}",
        ]

    def _literal(self, value: object) -> str:
        return self._store.literal(json.dumps(value, separators=(",", ":")))

    def sent(self) -> None:
        """What :meth:`sql` gave is committed."""
        self._exists = True

    def end(self) -> None:
        """All is done."""
        if self._exists:
            self._store.run(f"DROP TYPE IF EXISTS {self._path}")
            self._exists = False
