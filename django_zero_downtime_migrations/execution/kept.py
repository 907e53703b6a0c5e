"""Comments of composite types keep what later runs have to know: other roles cannot write them.

Only the owner of an object can write its comment, whatever privileges others have; it is transactional, reaches
physical standbys and is never published to a logical subscriber (docs/decisions/0006-a-journal-in-comments.md).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Any, Final

from django.db import DatabaseError
from django.db.migrations.recorder import MigrationRecorder

from ..django_types import Connection
from ..naming import quote
from ..record import Row
from .session.questions import Question, ask_together

#: The prefix of the types' names.
PREFIX: Final = "zero_downtime_migrations_"
#: A condition on a name, which an index answers: names compare byte by byte, and "`" follows "_".
_BEGINS: Final = f"BETWEEN '{PREFIX}'::pg_catalog.name AND '{PREFIX[:-1]}`'::pg_catalog.name"

# The answer has one row for each type, and at least one if the schema exists. A superuser can write anything into
# anything. A sequence and an index have no type, and their names are taken as well. If the records are in another
# schema than new objects, the search_path has been changed, or a schema was made that comes before: then the schema of
# the records is looked at as well.
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
    WHERE t.typnamespace = n.oid AND t.typname {_BEGINS}
    UNION ALL
    SELECT c.relname::pg_catalog.text, c.relkind::pg_catalog.text, o.rolname::pg_catalog.text, false, NULL, NULL
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_roles o ON o.oid = c.relowner
    WHERE c.relnamespace = n.oid AND c.reltype = '0'::pg_catalog.oid
    AND c.relname {_BEGINS}
) j ON true
WHERE n.nspname = pg_catalog.current_schema() OR n.oid = (
    SELECT r.relnamespace FROM pg_catalog.pg_class r
    WHERE r.oid = pg_catalog.to_regclass(%s::pg_catalog.text)::pg_catalog.oid
)
ORDER BY n.nspname = pg_catalog.current_schema() DESC, j.name
"""
#: Whether anything in the database has a name that begins so. A new database has nothing, and answers this sooner.
ANY: Final = Question(
    f"""
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_type t
    WHERE t.typname {_BEGINS}
) OR EXISTS (
    SELECT FROM pg_catalog.pg_class c
    WHERE c.relname {_BEGINS}
)
""",
    columns=1,
)
COMPOSITE: Final = "c"
#: How long, in ms, the drop of a journal's type waits for the lock of an object that depends on the type.
PATIENCE: Final = 1000


class KeptType(Row):
    """A type that keeps something.

    :param trusted: only this role, or a superuser, could have written what it has.
    """

    name: str
    kind: str
    owner: str
    trusted: bool
    header: str | None
    slots: str | None


class Place(Row):
    """The schema in which things are kept.

    :param schema: the first existing schema of the search_path; empty if there is none.
    :param given: roles that get privileges on new objects by default privileges.
    :param elsewhere: the types of the schema in which migrations are recorded, if that is another schema.
    :param other: the name of that schema.
    """

    schema: str = ""
    may_create: bool = False
    role: str = ""
    has_event_triggers: bool = False
    given: tuple[str, ...] = ()
    types: tuple[KeptType, ...] = ()
    elsewhere: tuple[KeptType, ...] = ()
    other: str = ""


def kept() -> Question:
    """Return the question to ask when the answer is not known already."""
    return Question(_LOOK, 12, (quote(str(MigrationRecorder.Migration._meta.db_table)),))


class Kept:
    """The types of one schema. They are asked for once, when first needed.

    :param known: the answer to :func:`kept`, if that has been asked already.
    :param is_empty: it is known that there are none.
    """

    def __init__(
        self, connection: Connection, known: list[tuple[Any, ...]] | None = None, is_empty: bool = False
    ) -> None:
        self.connection = connection
        self._known = known
        self._is_empty = is_empty

    @property
    def types(self) -> tuple[KeptType, ...]:
        """The types of the first schema of the search_path."""
        return () if self._is_empty else self.place.types

    @property
    def elsewhere(self) -> tuple[KeptType, ...]:
        """The types of :attr:`Place.elsewhere`."""
        return () if self._is_empty else self.place.elsewhere

    @cached_property
    def place(self) -> Place:
        rows = self._known if self._known is not None else ask_together(self.connection, [kept()])[0]
        here, elsewhere = ([row for row in rows if bool(row[5]) is where] for where in (True, False))
        place = Place(*here[0][:4]) if here else Place()
        return place._replace(
            given=tuple(here[0][4]) if here else (),
            types=_types(here),
            elsewhere=tuple(x for x in _types(elsewhere) if x.trusted and x.kind == COMPOSITE),
            other=elsewhere[0][0] if elsewhere else "",
        )

    def why_not(self, kept: str, off: str) -> str:
        """Say why nothing can be kept here, and what to do; empty if it can.

        :param kept: the subject of the sentence.
        :param off: the other way out.
        """
        if not self.place.schema:
            return (
                f"{kept} in the first schema of the search_path, and there is none. Create the schema, or set the "
                f"search_path of the role or in OPTIONS, {off}."
            )
        schema, role = quote(self.place.schema), quote(self.place.role)
        if not self.place.may_create:
            return (
                f"{kept} as a type in the schema {schema}, where the role {role} may not create anything. "
                f"Let it (GRANT CREATE ON SCHEMA {schema} TO {role}), {off}."
            )
        if self.place.has_event_triggers and (error := self._refusal()):
            return (
                f"{kept} as a type in the schema {schema}, and the server refuses to create one, most likely by an "
                f"event trigger: {error}. Let it pass CREATE TYPE, ALTER TYPE, COMMENT and DROP TYPE, {off}."
            )
        return ""

    def _refusal(self) -> str:
        """Return the server's error for a type that is made and dropped at once; empty if there is none."""
        name = self.path(f"{PREFIX}tried")
        try:
            self.run(f"CREATE TYPE {name} AS (a text); COMMENT ON TYPE {name} IS 'tried'; DROP TYPE {name}")
        except DatabaseError as error:
            return str(error).strip().partition("\n")[0]
        return ""

    def path(self, name: str, schema: str = "") -> str:
        return f"{quote(schema or self.place.schema)}.{quote(name)}"

    def literal(self, text: str) -> str:
        if text.isascii() and text.isprintable() and "\\" not in text:
            # Most texts take this way: the driver takes longer, and would return the same.
            return "'" + text.replace("'", "''") + "'"
        return str(self.connection.ops.compose_sql("%s", [text])).strip()

    def run(self, sql: str) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, None)

    # What is sent

    def create(self, name: str, attributes: Sequence[str], about: object) -> str:
        """Return the SQL that makes a type.

        :param about: what is kept of the type as a whole.
        """
        typed = ", ".join(f"{attribute} pg_catalog.text" for attribute in attributes)
        path = self.path(name)
        return "; ".join(
            [
                f"CREATE TYPE {path} AS ({typed})",
                # A column of this type would prevent its change and its drop.
                f"REVOKE ALL ON TYPE {path} FROM {', '.join(['PUBLIC', *map(quote, self.place.given)])}",
                f"COMMENT ON TYPE {path} IS {self.literal(json.dumps(about))}",
            ]
        )

    def comment(self, name: str, attribute: str, text: str) -> str:
        return f"COMMENT ON COLUMN {self.path(name)}.{attribute} IS {self.literal(text)}"

    def drop(self, names: Collection[str], schema: str = "") -> str:
        return f"DROP TYPE IF EXISTS {', '.join(self.path(name, schema) for name in sorted(set(names)))}"

    def dropping(self, names: Collection[str]) -> str:
        """Return the SQL of :meth:`drop`, for a transaction of its own. Any role that may connect can make a view that
        depends on a type, and lock it: the server then waits for that lock before it refuses.
        """
        return f"SET LOCAL lock_timeout = {PATIENCE}; {self.drop(names)}"

    def remove(self, names: Sequence[str]) -> dict[str, str]:
        """Drop types.

        :return: the types that are still there, since other objects depend on them, and what the server says.
        """
        try:
            self.run(self.dropping(names))
        except DatabaseError as error:
            from .server_errors import DEPENDENT_OBJECTS_STILL_EXIST, LOCK_NOT_AVAILABLE, sqlstate

            if sqlstate(error) not in (DEPENDENT_OBJECTS_STILL_EXIST, LOCK_NOT_AVAILABLE):
                raise
            if len(names) == 1:
                return {names[0]: said(error)}
            return {each: why for one in names for each, why in self.remove([one]).items()}
        return {}


def _types(rows: list[tuple[Any, ...]]) -> tuple[KeptType, ...]:
    return tuple(KeptType(*row[6:]) for row in rows if row[6] is not None)


def said(error: DatabaseError) -> str:
    lines = str(error).strip().splitlines()
    return "; ".join(line.strip() for line in lines if not line.startswith("HINT"))
