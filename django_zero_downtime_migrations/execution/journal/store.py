"""Where a journal is kept: in the comments of a composite type, one type for each migration under way.

A comment is written by the owner of its object alone, whatever privileges others have; it is transactional, goes to
physical standbys and is never published to a logical subscriber (docs/decisions/0006-a-journal-in-comments.md).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import cached_property, lru_cache
from typing import Any, Final, NamedTuple

from django.db import DatabaseError
from django.db.migrations.recorder import MigrationRecorder

from ...errors import CannotMigrate
from ...naming import quote
from ..questions import Question, ask_together
from ..server_errors import DEPENDENT_OBJECTS_STILL_EXIST, LOCK_NOT_AVAILABLE, sqlstate
from .stored_steps import FORMAT

#: What the names of the types begin with; a digest of the migration's name follows.
NAME: Final = "zero_downtime_migrations_journal"
OFF: Final = "or set IDEMPOTENT_SQL to False, with which an interrupted migration does not go on"

# One row for each type, at least one where the schema exists. A superuser can write anything into anything. A sequence
# and an index have no type, and their names are taken as well. Where the records are in another schema than the one in
# which things are made, somebody has changed the search_path, or made a schema that comes before: that one has a look.
_LOOK: Final = f"""
SELECT n.nspname::pg_catalog.text, pg_catalog.has_schema_privilege(n.oid, 'CREATE'), u.rolname::pg_catalog.text,
       EXISTS (
           SELECT FROM pg_catalog.pg_event_trigger e
           WHERE e.evtenabled <> 'D' AND e.evtevent IN ('ddl_command_start', 'ddl_command_end', 'sql_drop')
       ),
       ARRAY(
           SELECT DISTINCT r.rolname::pg_catalog.text
           FROM pg_catalog.pg_default_acl d CROSS JOIN LATERAL pg_catalog.aclexplode(d.defaclacl) g
           JOIN pg_catalog.pg_roles r ON r.oid = g.grantee
           WHERE d.defaclrole = u.oid AND d.defaclobjtype = 'T' AND r.oid <> u.oid
           AND (d.defaclnamespace = n.oid OR d.defaclnamespace = '0'::pg_catalog.oid)
       ),
       n.nspname = pg_catalog.current_schema(), j.name, j.kind, j.owner, j.trusted, j.header, j.slots
FROM pg_catalog.pg_namespace n
JOIN pg_catalog.pg_roles u ON u.rolname = CURRENT_USER
LEFT JOIN LATERAL (
    SELECT t.typname::pg_catalog.text AS name, coalesce(c.relkind::pg_catalog.text, '') AS kind,
           o.rolname::pg_catalog.text AS owner,
           o.oid = u.oid OR (o.rolsuper AND pg_catalog.pg_has_role(u.oid, o.oid, 'USAGE')) AS trusted,
           (
               SELECT d.description FROM pg_catalog.pg_description d
               WHERE d.objoid = t.oid AND d.classoid = 'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid
           ) AS header,
           (
               SELECT pg_catalog.json_object_agg(a.attname, d.description)::pg_catalog.text
               FROM pg_catalog.pg_attribute a
               JOIN pg_catalog.pg_description d ON d.objoid = a.attrelid AND d.objsubid = a.attnum
               WHERE a.attrelid = c.oid AND d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
               AND NOT a.attisdropped
           ) AS slots
    FROM pg_catalog.pg_type t
    JOIN pg_catalog.pg_roles o ON o.oid = t.typowner
    LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
    WHERE t.typnamespace = n.oid AND pg_catalog.starts_with(t.typname::pg_catalog.text, '{NAME}'::pg_catalog.text)
    UNION ALL
    SELECT c.relname::pg_catalog.text, c.relkind::pg_catalog.text, o.rolname::pg_catalog.text, false, NULL, NULL
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_roles o ON o.oid = c.relowner
    WHERE c.relnamespace = n.oid AND c.reltype = '0'::pg_catalog.oid
    AND pg_catalog.starts_with(c.relname::pg_catalog.text, '{NAME}'::pg_catalog.text)
) j ON true
WHERE n.nspname = pg_catalog.current_schema() OR n.oid = (
    SELECT r.relnamespace FROM pg_catalog.pg_class r
    WHERE r.oid = pg_catalog.to_regclass(%s::pg_catalog.text)::pg_catalog.oid
)
ORDER BY n.nspname = pg_catalog.current_schema() DESC, j.name
"""
COMPOSITE: Final = "c"
_encode: Final = json.JSONEncoder(separators=(",", ":")).encode
#: For how long, in ms, what somebody has made of a journal's type, and holds, is waited for when the type is dropped.
PATIENCE: Final = 1000


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


@lru_cache(maxsize=256)
def encoded(done: Done) -> str:
    """As the log has it. The last calls are written again with each that joins them."""
    return _encode(done)


class Entry(NamedTuple):
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


class _Type(NamedTuple):
    """:param trusted: nobody but this role, or a superuser, could have written what it has."""

    name: str
    kind: str
    owner: str
    trusted: bool
    header: str | None
    slots: str | None


class _Place(NamedTuple):
    """:param schema: the first of the search_path that exists; empty where there is none.

    :param given: roles that default privileges give what the role makes.
    :param elsewhere: of the schema in which the migrations are recorded, where that is another one.
    :param other: the name of that schema.
    """

    schema: str = ""
    may_create: bool = False
    role: str = ""
    has_event_triggers: bool = False
    given: tuple[str, ...] = ()
    types: tuple[_Type, ...] = ()
    elsewhere: tuple[_Type, ...] = ()
    other: str = ""


def kept() -> Question:
    """What a store asks when it has not been told the answer."""
    return Question(_LOOK, 12, (quote(str(MigrationRecorder.Migration._meta.db_table)),))


class Store:
    """The journals of one database, for one run of ``migrate``. It asks once, when there is something to know.

    :param known: the answer to :func:`kept`, where that has been asked already.
    """

    def __init__(self, connection: Any, known: list[tuple[Any, ...]] | None = None) -> None:
        self.connection = connection
        self._known = known
        #: As :attr:`Entry.whole`, of the migrations that are going to be written down.
        self.whole = False

    @cached_property
    def _place(self) -> _Place:
        rows = self._known if self._known is not None else ask_together(self.connection, [kept()])[0]
        here, elsewhere = ([row for row in rows if bool(row[5]) is where] for where in (True, False))
        place = _Place(*here[0][:4]) if here else _Place()
        return place._replace(
            given=tuple(here[0][4]) if here else (),
            types=_types(here),
            elsewhere=tuple(x for x in _types(elsewhere) if x.trusted and x.kind == COMPOSITE),
            other=elsewhere[0][0] if elsewhere else "",
        )

    def why_not(self) -> str:
        """Why a journal cannot be kept here, and what to do; empty where it can."""
        kept = "IDEMPOTENT_SQL keeps its journal"
        if not self._place.schema:
            return (
                f"{kept} in the first schema of the search_path, and there is none. Create the schema, or set the "
                f"search_path of the role or in OPTIONS, {OFF}."
            )
        schema, role = quote(self._place.schema), quote(self._place.role)
        if not self._place.may_create:
            return (
                f"{kept} as a type in the schema {schema}, where the role {role} may not create anything. "
                f"Let it (GRANT CREATE ON SCHEMA {schema} TO {role}), {OFF}."
            )
        if self._place.has_event_triggers and (error := self._refusal()):
            return (
                f"{kept} as a type in the schema {schema}, and the server refuses to create one, most likely by an "
                f"event trigger: {error}. Let it pass CREATE TYPE, ALTER TYPE, COMMENT and DROP TYPE, {OFF}."
            )
        return ""

    def _refusal(self) -> str:
        """What the server says of a type that is made and dropped at once."""
        name = self.path(f"{NAME}_tried")
        try:
            self.run(f"CREATE TYPE {name} AS (a text); COMMENT ON TYPE {name} IS 'tried'; DROP TYPE {name}")
        except DatabaseError as error:
            return str(error).strip().partition("\n")[0]
        return ""

    def path(self, name: str, schema: str = "") -> str:
        return f"{quote(schema or self._place.schema)}.{quote(name)}"

    def literal(self, text: str) -> str:
        if text.isascii() and text.isprintable() and "\\" not in text:
            # Most of it: the driver takes longer, and would say the same.
            return "'" + text.replace("'", "''") + "'"
        return str(self.connection.ops.compose_sql("%s", [text])).strip()

    def run(self, sql: str) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, None)

    @property
    def is_empty(self) -> bool:
        """Whether no earlier run has left anything."""
        return not self._place.types

    def entries(self) -> list[Entry]:
        """What earlier runs have left.

        :raises CannotMigrate: when somebody else could have written it, or another version of this package has.
        """
        return [self._entry(found) for found in self._place.types]

    def elsewhere(self) -> list[Entry]:
        """What this role has left where the migrations are recorded, when that is not where journals are kept now.

        :raises CannotMigrate: as :meth:`entries`.
        """
        return [self._entry(found, self._place.other) for found in self._place.elsewhere]

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

    def _entry(self, found: _Type, schema: str = "") -> Entry:
        if found.kind != COMPOSITE or not found.trusted:
            raise self._not_ours(found.name, found.kind, found.owner)
        path = self.path(found.name, schema)
        try:
            written = json.loads(found.header or "")
            if written["format"] != FORMAT:
                raise CannotMigrate(
                    f"A migration was interrupted whose journal, the type {path}, has format "
                    f"{written['format']}; this version of the package reads {FORMAT}. Finish the migration with the "
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
            f"Somebody has made {self.path(identity.type_name)} meanwhile ({_said(error)}), which is the name of the "
            f"journal of {identity}. Drop or rename it, take the right from who made it, and migrate again."
        )

    # What is written

    def create(self, identity: Identity, parts: int) -> str:
        """:param parts: how many attributes the log has."""
        name = self.path(identity.type_name)
        names = ["progress", "steps", *(f"log{number}" for number in range(parts))]
        attributes = ", ".join(f"{attribute} pg_catalog.text" for attribute in names)
        header = {"format": FORMAT, "app": identity.app, "name": identity.name, "backwards": identity.backwards}
        header |= {"whole": True} if self.whole else {}
        return "; ".join(
            [
                f"CREATE TYPE {name} AS ({attributes})",
                # A column of this type would be in the way of adding to it and of dropping it.
                f"REVOKE ALL ON TYPE {name} FROM {', '.join(['PUBLIC', *map(quote, self._place.given)])}",
                f"COMMENT ON TYPE {name} IS {self.literal(json.dumps({**header, 'code': identity.code}))}",
            ]
        )

    def add_part(self, identity: Identity, part: int) -> str:
        return f"ALTER TYPE {self.path(identity.type_name)} ADD ATTRIBUTE log{part} pg_catalog.text"

    def write(self, identity: Identity, attribute: str, value: object) -> str:
        return self._comment(identity, attribute, _encode(value))

    def write_log(self, identity: Identity, number: int, part: Iterable[Done]) -> str:
        """:param number: that of the part among those of the log."""
        return self._comment(identity, f"log{number}", f"[{','.join(map(encoded, part))}]")

    def _comment(self, identity: Identity, attribute: str, text: str) -> str:
        return f"COMMENT ON COLUMN {self.path(identity.type_name)}.{attribute} IS {self.literal(text)}"

    def drop(self, identities: list[Identity], schema: str = "") -> str:
        names = sorted({x.type_name for x in identities})
        return f"DROP TYPE IF EXISTS {', '.join(self.path(name, schema) for name in names)}"

    def dropping(self, identities: list[Identity]) -> str:
        """As :meth:`drop`, for a transaction of its own. Whoever may connect can make a view that depends on a type,
        and hold it: the server then waits for its lock before it refuses.
        """
        return f"SET LOCAL lock_timeout = {PATIENCE}; {self.drop(identities)}"

    def remove(self, identities: list[Identity]) -> dict[Identity, str]:
        """Drop their types.

        :return: those that are still there, since somebody has made something of them, and what the server says.
        """
        try:
            self.run(self.dropping(identities))
        except DatabaseError as error:
            if sqlstate(error) not in (DEPENDENT_OBJECTS_STILL_EXIST, LOCK_NOT_AVAILABLE):
                raise
            if len(identities) == 1:
                return {identities[0]: _said(error)}
            return {each: why for one in identities for each, why in self.remove([one]).items()}
        return {}

    def empty(self, identity: Identity, parts: int) -> str:
        """Nothing has been done. :param parts: how many attributes its log has."""
        name = self.path(identity.type_name)
        more = ", ".join(f"DROP ATTRIBUTE log{number}" for number in range(1, parts))
        return "; ".join([*([f"ALTER TYPE {name} {more}"] if more else []), f"COMMENT ON COLUMN {name}.log0 IS NULL"])


def _types(rows: list[tuple[Any, ...]]) -> tuple[_Type, ...]:
    return tuple(_Type(*row[6:]) for row in rows if row[6] is not None)


def _said(error: DatabaseError) -> str:
    lines = str(error).strip().splitlines()
    return "; ".join(line.strip() for line in lines if not line.startswith("HINT"))


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
