"""The place of a journal: the comments of a composite type, one type for each migration under way.

Only the owner of an object can write its comment, whatever privileges other roles have. A comment is transactional,
goes to physical standbys and is never published to a logical subscriber (docs/decisions/0006-a-journal-in-comments.md).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Any, Final

from django.db import DatabaseError

from ...django_types import Connection
from ...errors import CannotMigrate
from ...naming import quote
from ...record import Row
from ..kept import COMPOSITE, PREFIX, Kept, KeptType, Place, said
from .stored_steps import FORMAT, READS

#: The prefix of the types' names; a digest of the migration's name follows.
NAME: Final = f"{PREFIX}journal"
OFF: Final = "or set IDEMPOTENT_SQL to False, with which an interrupted migration does not go on"

_encode: Final = json.JSONEncoder(separators=(",", ":")).encode
_encode_text: Final = json.encoder.encode_basestring_ascii
_FORMATS: Final = " and ".join(map(str, READS))


class Identity(Row):
    """A migration, in a direction.

    :param code: a digest of each of its operations, in the order in which they run.
    """

    app: str
    name: str
    backwards: bool
    code: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.app}.{self.name}{' (backwards)' if self.backwards else ''}"

    @property
    def type_name(self) -> str:
        return _type_name(self.app, self.name)


@lru_cache(maxsize=256)
def _type_name(app: str, name: str) -> str:
    return f"{NAME}_{hashlib.sha256(f'{app}.{name}'.encode()).hexdigest()[:16]}"


class Done(Row):
    """A call of the schema editor that is complete, or whole operations of the user's own SQL and code.

    :param key: the key of the call; for operations, see :mod:`.whole_operations`.
    :param queries: the queries that it has sent, with parameters in them; empty for the user's own code and SQL.
    """

    key: str
    queries: tuple[str, ...] = ()


@lru_cache(maxsize=256)
def encoded(done: Done) -> str:
    """Return a call as the log has it. The last calls are written again with each call that joins them."""
    # The encoder would return the same; all parts are texts.
    return f"[{_encode_text(done.key)},[{','.join(map(_encode_text, done.queries))}]]"


class Entry(Row):
    """The journal of a migration that an earlier run has left.

    :param log: its complete calls, as they are divided among the type's attributes.
    :param call: the key of the call under way, or empty.
    :param steps: the steps of that call, as JSON.
    :param done: the number of these steps that are done.
    :param since: the time of the last write, as text.
    :param whole: the migration was to be recorded in the transaction of its last operations, which is not written down.
    """

    identity: Identity
    log: tuple[tuple[Done, ...], ...]
    call: str
    steps: str
    done: int
    since: str
    whole: bool = False

    @property
    def complete(self) -> tuple[str, ...]:
        return tuple(done.key for part in self.log for done in part)


class Store:
    """The journals of one database, for one run of ``migrate``. The server is asked once, when an answer is needed.

    :param kept: the types, if they have been read already.
    """

    def __init__(self, connection: Connection, kept: Kept | None = None) -> None:
        self.connection = connection
        self.kept = kept or Kept(connection)
        #: The value of :attr:`Entry.whole` for the migrations that this run writes down.
        self.whole = False

    def why_not(self) -> str:
        """Say why a journal cannot be kept here, and what to do; empty if it can."""
        return self.kept.why_not("IDEMPOTENT_SQL keeps its journal", OFF)

    def path(self, name: str, schema: str = "") -> str:
        return self.kept.path(name, schema)

    def run(self, sql: str) -> None:
        self.kept.run(sql)

    @property
    def _place(self) -> Place:
        return self.kept.place

    @property
    def _types(self) -> list[KeptType]:
        return [found for found in self.kept.types if found.name.startswith(NAME)]

    @property
    def is_empty(self) -> bool:
        """True if no earlier run has left anything."""
        return not self._types

    def entries(self) -> list[Entry]:
        """Return the journals that earlier runs have left.

        :raises CannotMigrate: when another role could have written one, or one has the format of another version.
        """
        return [self._entry(found) for found in self._types]

    def elsewhere(self) -> list[Entry]:
        """Return the journals that this role has left in the migrations' schema, if journals go to another schema now.

        :raises CannotMigrate: as :meth:`entries`.
        """
        return [self._entry(found, self._place.other) for found in self.kept.elsewhere if found.name.startswith(NAME)]

    def not_here(self, entry: Entry) -> CannotMigrate:
        """Return the error for an entry of :meth:`elsewhere`."""
        other, schema = quote(self._place.other), quote(self._place.schema) if self._place.schema else "no schema"
        return CannotMigrate(
            f"{entry.identity} was interrupted at {entry.since} while the search_path began with the schema {other}, "
            f"where its journal is; now it begins with {schema}. Nothing was changed. Put the search_path back as it "
            "was (ALTER ROLE, ALTER DATABASE, OPTIONS in DATABASES; a schema that has the name of the role comes first "
            "by itself) and migrate again. Or finish by hand what the interrupted run has begun, and forget it: "
            f"{self.drop([entry.identity], self._place.other)}"
        )

    def _entry(self, found: KeptType, schema: str = "") -> Entry:
        if found.kind != COMPOSITE or not found.trusted:
            raise self._not_ours(found.name, found.kind, found.owner)
        path = self.path(found.name, schema)
        try:
            written = json.loads(found.header or "")
            if written["format"] not in READS:
                raise CannotMigrate(
                    f"A migration was interrupted whose journal, the type {path}, has format "
                    f"{written['format']}; this version of the package reads {_FORMATS}. Finish the migration with the "
                    "version that began it; nothing was changed."
                )
            return _read_entry(written, json.loads(found.slots or "{}"))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise CannotMigrate(
                f"The type {path} is a journal of IDEMPOTENT_SQL that cannot be read "
                f"({type(error).__name__}: {error}); nothing was changed. Find out by hand what the migration that "
                f"was interrupted has done, finish or undo it, then DROP TYPE {path}"
            ) from error

    def _not_ours(self, name: str, kind: str, owner: str) -> CannotMigrate:
        path, role = self.path(name), quote(owner)
        if kind != COMPOSITE:
            return CannotMigrate(
                f"{path} has the name of a journal of IDEMPOTENT_SQL and is not one; nothing was changed. It belongs "
                f"to the role {role}: rename or drop it, and take the right from who made it (REVOKE CREATE ON SCHEMA "
                f"{quote(self._place.schema)} FROM {role})."
            )
        return CannotMigrate(
            f"The type {path}, a journal of IDEMPOTENT_SQL, belongs to the role {role}, who could have written into it "
            f"what this run would carry out with the rights of {quote(self._place.role)}; nothing was changed. If it "
            f"comes from an interrupted migrate, repeat that as {role}. Else drop it (DROP TYPE {path}) and take the "
            f"right away (REVOKE CREATE ON SCHEMA {quote(self._place.schema)} FROM {role})."
        )

    def taken(self, identity: Identity, error: DatabaseError) -> CannotMigrate:
        """Return the error for a name that was free when the run began."""
        return CannotMigrate(
            f"Another session has made {self.path(identity.type_name)} meanwhile ({said(error)}), which is the name of "
            f"the journal of {identity}. Drop or rename it, take the right from who made it, and migrate again."
        )

    # Writing

    def create(self, identity: Identity, parts: int) -> str:
        """Return the SQL that creates a journal.

        :param parts: the number of attributes of the log.
        """
        header = {"format": FORMAT, "app": identity.app, "name": identity.name, "backwards": identity.backwards}
        header |= {"whole": True} if self.whole else {}
        names = ["progress", "steps", *(f"log{number}" for number in range(parts))]
        return self.kept.create(identity.type_name, names, {**header, "code": identity.code})

    def add_part(self, identity: Identity, part: int) -> str:
        return f"ALTER TYPE {self.path(identity.type_name)} ADD ATTRIBUTE log{part} pg_catalog.text"

    def write(self, identity: Identity, attribute: str, value: object) -> str:
        return self.kept.comment(identity.type_name, attribute, _encode(value))

    def write_log(self, identity: Identity, number: int, part: Iterable[Done]) -> str:
        """Return the SQL that writes a part of the log.

        :param number: the number of the part.
        """
        return self.kept.comment(identity.type_name, f"log{number}", f"[{','.join(map(encoded, part))}]")

    def drop(self, identities: Collection[Identity], schema: str = "") -> str:
        return self.kept.drop([x.type_name for x in identities], schema)

    def dropping(self, identities: Collection[Identity]) -> str:
        """Return the SQL of :meth:`drop` for a transaction of its own."""
        return self.kept.dropping([x.type_name for x in identities])

    def remove(self, identities: Collection[Identity]) -> dict[Identity, str]:
        """Drop their types.

        :return: the migrations whose types still exist, since other objects use them, and the server's messages.
        """
        left = self.kept.remove([x.type_name for x in identities])
        return {x: left[x.type_name] for x in identities if x.type_name in left}

    def empty(self, identity: Identity, parts: int) -> str:
        """Return the SQL that says that nothing has been done.

        :param parts: the number of attributes of the log.
        """
        name = self.path(identity.type_name)
        more = ", ".join(f"DROP ATTRIBUTE log{number}" for number in range(1, parts))
        return "; ".join([*([f"ALTER TYPE {name} {more}"] if more else []), f"COMMENT ON COLUMN {name}.log0 IS NULL"])


def _read_entry(header: dict[str, Any], slots: dict[str, str]) -> Entry:
    progress = json.loads(slots["progress"])
    parts: list[tuple[Done, ...]] = []
    while (text := slots.get(f"log{len(parts)}")) is not None:
        parts.append(tuple(Done(key, tuple(queries)) for key, queries in json.loads(text)))
    identity = Identity(header["app"], header["name"], header["backwards"], tuple(header["code"]))
    return Entry(
        identity,
        tuple(parts),
        progress["call"],
        slots.get("steps", "[]"),
        progress["done"],
        progress["since"],
        bool(header.get("whole")),
    )
