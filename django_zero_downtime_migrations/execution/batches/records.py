"""The records of a database's backfills: those that have begun and are not complete, and those that are owed.

The comments of types hold them (:mod:`.kept`), so what is read here was written by this role or a superuser. It is
shown to people, and names types to be commented or dropped, by their own names; no part of it becomes SQL.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator
from datetime import datetime, timezone
from typing import Any

from django.db import DatabaseError

from ...django_types import Connection
from ...errors import CannotMigrate, MigrationError
from ...naming import quote
from ...printable import printable
from ...record import Row
from ..kept import COMPOSITE, Kept, KeptType, said
from ..one_migrate.advisory import Holder, Place, find_place, look
from ..server_errors import INSUFFICIENT_PRIVILEGE, sqlstate
from .later import done
from .position import NAME, Saved, Whose, saved, type_of


class KeptBackfill(Row):
    """The record of one backfill.

    :param type_name: the type that keeps it.
    :param whose: the operation; None if that was not known.
    :param table: as it is written in SQL.
    :param later: the migration has left it to ``manage.py backfills --run``.
    :param saved: its position; None if it has not begun, or the position cannot be read.
    :param at: when the position was written, in UTC.
    :param is_paused: it has to wait.
    :param is_done: it is complete.
    """

    type_name: str
    whose: Whose | None
    table: str
    later: bool
    saved: Saved | None
    at: str
    is_paused: bool
    is_done: bool

    @property
    def id(self) -> str:
        return str(self.whose or self.type_name.removeprefix(f"{NAME}_"))

    @property
    def is_owed(self) -> bool:
        return self.later and not self.is_done


class Backfills:
    """The backfills of one database. They are read once, and again after :meth:`again`."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.kept = Kept(connection)

    def again(self) -> None:
        self.kept = Kept(self.connection)

    def all(self) -> list[KeptBackfill]:
        """Return the incomplete ones, sorted by their names."""
        return sorted((x for x in self._entries() if not x.is_done), key=lambda x: x.id)

    def owed(self) -> list[KeptBackfill]:
        """Return the ones that migrations have left for later.

        :raises CannotMigrate: when some are recorded in a schema that is not in use now.
        """
        if there := self.elsewhere():
            raise CannotMigrate(
                f"{'; '.join(there)}. Put the search_path back as it was (ALTER ROLE, ALTER DATABASE, OPTIONS in "
                "DATABASES; a schema that has the name of the role comes first by itself)."
            )
        return [x for x in self.all() if x.is_owed]

    def owed_by(self, left: Collection[Whose]) -> list[str]:
        """Return the names of those of these operations that are owed.

        :raises CannotMigrate: as :meth:`owed`, and when another role has a type of the same name: the operation may be
            owed.
        """
        names = {type_of(each) for each in left}
        for found in self.kept.types:
            if found.name in names and not _is_ours(found):
                path, role = self.kept.path(found.name), printable(found.owner)
                raise CannotMigrate(
                    f"{path} tells whether {', '.join(map(str, left))} is owed, and belongs to the role {role}, who "
                    f"could have written anything. If that is who migrates, migrate as {role}. Else see whether the "
                    f"rows are changed, and drop it (DROP TYPE {path})."
                )
        return [entry.id for entry in self.owed() if entry.type_name in names]

    def strangers(self) -> list[str]:
        """Describe the types that are named like a record, and were made by a role that could have written anything."""
        types = (x for x in self.kept.types if x.name.startswith(f"{NAME}_") and not _is_ours(x))
        return [f"{self.kept.path(x.name)} belongs to the role {printable(x.owner)}, and is not read" for x in types]

    def elsewhere(self) -> list[str]:
        """Describe what is owed in the schema of Django's record of migrations, if the search_path begins with another
        schema.
        """
        place = self.kept.place
        entries = (_entry(x) for x in place.elsewhere if x.name.startswith(f"{NAME}_"))
        return [
            f"{x.id} is owed, and was left while the search_path began with the schema {quote(place.other)}"
            for x in entries
            if x.is_owed
        ]

    def find(self, name: str) -> list[KeptBackfill]:
        """Return the backfills of a name.

        :param name: what :attr:`KeptBackfill.id` gives, or the name of the type.
        :raises MigrationError: when there is none.
        """
        known = self.all()
        found = [x for x in known if name in (x.id, x.type_name)]
        if not found:
            there = ", ".join(x.id for x in known) or "none"
            text = f"No backfill is called {printable(name)}. There are: {there}."
            raise MigrationError(" ".join([text, *(f"{stranger}." for stranger in self.strangers())]))
        return found

    def _entries(self) -> Iterator[KeptBackfill]:
        return (_entry(found) for found in self.kept.types if found.name.startswith(f"{NAME}_") and _is_ours(found))

    # What is changed

    def pause(self, entry: KeptBackfill) -> None:
        """Make it wait from its next batch on, whichever session runs it.

        :raises MigrationError: when the role may not.
        """
        now = datetime.now(timezone.utc).isoformat(" ", "seconds")
        self._change(entry, self.kept.comment(entry.type_name, "paused", json.dumps({"at": now})))

    def resume(self, entry: KeptBackfill) -> None:
        """Let a paused backfill go on.

        :raises MigrationError: when the role may not.
        """
        self._change(entry, f"COMMENT ON COLUMN {self.kept.path(entry.type_name)}.paused IS NULL")

    def abandon(self, entry: KeptBackfill) -> None:
        """Forget it.

        :raises MigrationError: when it is running, the role may not, or other objects depend on its type.
        """
        if holder := self.runner(entry):
            raise MigrationError(f"{entry.id} is running: {holder.who}. End that first: {holder.end}")
        if why := self._removed(entry):
            raise MigrationError(f"{self.kept.path(entry.type_name)} cannot be dropped: {why}. Nothing was changed.")

    def finish(self, entry: KeptBackfill) -> str:
        """Drop the record of a complete backfill. Return why its type is still there, which does no harm; empty if it
        is gone.
        """
        why = self._removed(entry)
        if why:
            self.kept.run(done(self.kept, entry.type_name))
        return why

    def _removed(self, entry: KeptBackfill) -> str:
        try:
            return self.kept.remove([entry.type_name]).get(entry.type_name, "")
        except DatabaseError as error:
            return printable(said(error))

    def _change(self, entry: KeptBackfill, sql: str) -> None:
        try:
            self.kept.run(sql)
        except DatabaseError as error:
            if sqlstate(error) != INSUFFICIENT_PRIVILEGE:
                raise
            raise MigrationError(
                f"{entry.id} is kept in {self.kept.path(entry.type_name)}, which only its owner may change: "
                f"{printable(said(error))}. Run the command as the role that migrates."
            ) from error

    # The session that runs it

    def runner(self, entry: KeptBackfill) -> Holder | None:
        """Return the session that runs it; for one that belongs to a ``migrate``, the session that migrates."""
        place = self.place(entry) if entry.later else find_place(self.connection)
        return look(self.connection, place, False)[0].migrate

    def place(self, entry: KeptBackfill) -> Place:
        """Return the place at which one worker at a time runs this backfill."""
        here = find_place(self.connection)
        digest = hashlib.sha256(f"{here.key} {entry.type_name}".encode()).digest()
        return here._replace(key=int.from_bytes(digest[:4], "big", signed=True), locked=None)


def _is_ours(found: KeptType) -> bool:
    return found.trusted and found.kind == COMPOSITE


def _entry(found: KeptType) -> KeptBackfill:
    about, slots = _read(found.header), _read(found.slots)
    written = _read(slots.get("position"))
    try:
        where: Saved | None = saved(written)
    except (KeyError, TypeError, ValueError):
        where = None
    try:
        whose: Whose | None = Whose(str(about["app"]), str(about["migration"]), int(about["operation"]))
    except (KeyError, TypeError, ValueError):
        whose = None
    return KeptBackfill(
        found.name,
        whose,
        str(about.get("table", "")),
        about.get("later") is True,
        where,
        str(written.get("at", "")),
        bool(slots.get("paused")),
        written.get("done") is True,
    )


def _read(text: str | None) -> dict[str, Any]:
    try:
        read = json.loads(text or "{}")
    except (TypeError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}
