"""Where a journal is kept: in the comments of a composite type, one type for each migration under way.

A comment is written by the owner of its object alone, whatever privileges others have; it is transactional, goes to
physical standbys and is never published to a logical subscriber (docs/decisions/0006-a-journal-in-comments.md).
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

#: What the names of the types begin with; a digest of the migration's name follows.
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

    :param key: of the call; for operations, see :mod:`.whole_operations`.
    :param queries: what it has sent, with parameters in it; none for code and SQL of the user's own.
    """

    key: str
    queries: tuple[str, ...] = ()


@lru_cache(maxsize=256)
def encoded(done: Done) -> str:
    """As the log has it. The last calls are written again with each that joins them."""
    # What the encoder would say, for texts alone.
    return f"[{_encode_text(done.key)},[{','.join(map(_encode_text, done.queries))}]]"


class Entry(Row):
    """What an earlier run has left of a migration.

    :param log: its complete calls, as they are divided among the type's attributes.
    :param call: the key of the call under way, or empty.
    :param steps: of that call, as JSON. :param done: how many of them are done.
    :param since: when the last of it was written, as text.
    :param whole: it was recorded in the transaction of its last operations, of which nothing is written down.
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
    """The journals of one database, for one run of ``migrate``. It asks once, when there is something to know.

    :param kept: what is kept there, where it was asked already.
    """

    def __init__(self, connection: Connection, kept: Kept | None = None) -> None:
        self.connection = connection
        self.kept = kept or Kept(connection)
        #: As :attr:`Entry.whole`, of the migrations that are going to be written down.
        self.whole = False

    def why_not(self) -> str:
        """Why a journal cannot be kept here, and what to do; empty where it can."""
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
        """Whether no earlier run has left anything."""
        return not self._types

    def entries(self) -> list[Entry]:
        """What earlier runs have left.

        :raises CannotMigrate: when somebody else could have written it, or another version of this package has.
        """
        return [self._entry(found) for found in self._types]

    def elsewhere(self) -> list[Entry]:
        """What this role has left where the migrations are recorded, when that is not where journals are kept now.

        :raises CannotMigrate: as :meth:`entries`.
        """
        return [self._entry(found, self._place.other) for found in self.kept.elsewhere if found.name.startswith(NAME)]

    def not_here(self, entry: Entry) -> CannotMigrate:
        """The error for an entry of :meth:`elsewhere`."""
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
        """The error for a name that was free when the run began."""
        return CannotMigrate(
            f"Another session has made {self.path(identity.type_name)} meanwhile ({said(error)}), which is the name of "
            f"the journal of {identity}. Drop or rename it, take the right from who made it, and migrate again."
        )

    # What is written

    def create(self, identity: Identity, parts: int) -> str:
        """:param parts: how many attributes the log has."""
        header = {"format": FORMAT, "app": identity.app, "name": identity.name, "backwards": identity.backwards}
        header |= {"whole": True} if self.whole else {}
        names = ["progress", "steps", *(f"log{number}" for number in range(parts))]
        return self.kept.create(identity.type_name, names, {**header, "code": identity.code})

    def add_part(self, identity: Identity, part: int) -> str:
        return f"ALTER TYPE {self.path(identity.type_name)} ADD ATTRIBUTE log{part} pg_catalog.text"

    def write(self, identity: Identity, attribute: str, value: object) -> str:
        return self.kept.comment(identity.type_name, attribute, _encode(value))

    def write_log(self, identity: Identity, number: int, part: Iterable[Done]) -> str:
        """:param number: that of the part among those of the log."""
        return self.kept.comment(identity.type_name, f"log{number}", f"[{','.join(map(encoded, part))}]")

    def drop(self, identities: Collection[Identity], schema: str = "") -> str:
        return self.kept.drop([x.type_name for x in identities], schema)

    def dropping(self, identities: Collection[Identity]) -> str:
        """As :meth:`drop`, for a transaction of its own."""
        return self.kept.dropping([x.type_name for x in identities])

    def remove(self, identities: Collection[Identity]) -> dict[Identity, str]:
        """Drop their types.

        :return: those that are still there, since somebody has made something of them, and what the server says.
        """
        left = self.kept.remove([x.type_name for x in identities])
        return {x: left[x.type_name] for x in identities if x.type_name in left}

    def empty(self, identity: Identity, parts: int) -> str:
        """Nothing has been done. :param parts: how many attributes its log has."""
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
