"""Where a journal is kept: in the comments of a composite type, one type for each migration under way.

A comment is written by the owner of its object alone, whatever privileges others have; it is transactional, goes to
physical standbys and is never published to a logical subscriber (docs/decisions/0006-a-journal-in-comments.md).
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final, NamedTuple

from ...errors import CannotMigrate
from ...naming import quote
from ..notes import COMPOSITE, NOTED, Note, Notes
from .stored_steps import FORMAT

#: What the names of the types begin with; a digest of the migration's name follows.
NAME: Final = "zero_downtime_migrations_journal"
OFF: Final = "or set IDEMPOTENT_SQL to False, with which an interrupted migration does not go on"


class Identity(NamedTuple):
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
        return f"{NAME}_{hashlib.sha256(f'{self.app}.{self.name}'.encode()).hexdigest()[:16]}"


class Done(NamedTuple):
    """A call of the schema editor that is complete.

    :param queries: what it has sent, with parameters in it; none for code and SQL of the user's own.
    """

    key: str
    queries: tuple[str, ...] = ()


class Entry(NamedTuple):
    """What an earlier run has left of a migration.

    :param log: its complete calls, as they are divided among the type's attributes.
    :param call: the key of the call under way, or empty.
    :param steps: of that call, as JSON. :param done: how many of them are done.
    :param since: when the last of it was written, as text.
    """

    identity: Identity
    log: tuple[tuple[Done, ...], ...]
    call: str
    steps: str
    done: int
    since: str

    @property
    def complete(self) -> tuple[str, ...]:
        return tuple(done.key for part in self.log for done in part)


#: What a store asks when it has not been told the answer.
KEPT: Final = NOTED


class Store:
    """The journals of one database, for one run of ``migrate``. It asks once, when there is something to know.

    :param known: the answer to :data:`KEPT`, where that has been asked already.
    """

    def __init__(self, connection: Any, known: list[tuple[Any, ...]] | None = None) -> None:
        self.connection = connection
        self.notes = Notes(connection, known)

    @property
    def _types(self) -> list[Note]:
        return self.notes.named(NAME)

    def why_not(self) -> str:
        """Why a journal cannot be kept here, and what to do; empty where it can."""
        return self.notes.why_not("IDEMPOTENT_SQL keeps its journal", OFF)

    def path(self, name: str) -> str:
        return self.notes.path(name)

    def run(self, sql: str) -> None:
        self.notes.run(sql)

    @property
    def is_empty(self) -> bool:
        """Whether no earlier run has left anything."""
        return not self._types

    def entries(self) -> list[Entry]:
        """What earlier runs have left.

        :raises CannotMigrate: when somebody else could have written it, or another version of this package has.
        """
        return [self._entry(found) for found in self._types]

    def _entry(self, found: Note) -> Entry:
        if found.kind != COMPOSITE or not found.trusted:
            raise self._not_ours(found.name, found.kind, found.owner)
        name = found.name
        try:
            written = json.loads(found.header or "")
            if written["format"] != FORMAT:
                raise CannotMigrate(
                    f"A migration was interrupted whose journal, the type {self.path(name)}, has format "
                    f"{written['format']}; this version of the package reads {FORMAT}. Finish the migration with the "
                    "version that began it; nothing was changed."
                )
            return _read_entry(written, json.loads(found.slots or "{}"))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise CannotMigrate(
                f"The type {self.path(name)} is a journal of IDEMPOTENT_SQL that cannot be read "
                f"({type(error).__name__}: {error}); nothing was changed. Find out by hand what the migration that "
                f"was interrupted has done, finish or undo it, then DROP TYPE {self.path(name)}"
            ) from error

    def _not_ours(self, name: str, kind: str, owner: str) -> CannotMigrate:
        path, role, ours = self.path(name), quote(owner), quote(self.notes.place.role)
        revoke = f"REVOKE CREATE ON SCHEMA {quote(self.notes.place.schema)} FROM {role}"
        if kind != COMPOSITE:
            return CannotMigrate(
                f"{path} has the name of a journal of IDEMPOTENT_SQL and is not one; nothing was changed. It belongs "
                f"to the role {role}: rename or drop it, and take the right from who made it ({revoke})."
            )
        return CannotMigrate(
            f"The type {path}, a journal of IDEMPOTENT_SQL, belongs to the role {role}, who could have written into it "
            f"what this run would carry out with the rights of {ours}; nothing was changed. If it comes from an "
            f"interrupted migrate, repeat that as {role}. Else drop it (DROP TYPE {path}) and take the right away "
            f"({revoke})."
        )

    # What is written

    def create(self, identity: Identity, parts: int) -> str:
        """:param parts: how many attributes the log has."""
        names = ["progress", "steps", *(f"log{number}" for number in range(parts))]
        header = {"format": FORMAT, "app": identity.app, "name": identity.name, "backwards": identity.backwards}
        return self.notes.create(identity.type_name, names, {**header, "code": identity.code})

    def add_part(self, identity: Identity, part: int) -> str:
        return f"ALTER TYPE {self.path(identity.type_name)} ADD ATTRIBUTE log{part} pg_catalog.text"

    def write(self, identity: Identity, attribute: str, value: object) -> str:
        return self.notes.write(identity.type_name, attribute, value)

    def drop(self, identities: list[Identity]) -> str:
        return self.notes.drop(sorted({x.type_name for x in identities}))


def _read_entry(header: dict[str, Any], slots: dict[str, str]) -> Entry:
    progress = json.loads(slots["progress"])
    parts: list[tuple[Done, ...]] = []
    while (text := slots.get(f"log{len(parts)}")) is not None:
        parts.append(tuple(Done(key, tuple(queries)) for key, queries in json.loads(text)))
    identity = Identity(header["app"], header["name"], header["backwards"], tuple(header["code"]))
    return Entry(
        identity, tuple(parts), progress["call"], slots.get("steps", "[]"), progress["done"], progress["since"]
    )
