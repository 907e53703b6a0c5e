"""What has to be known by later runs, written into the comments of a composite type.

A comment is written by the owner of its object alone, whatever privileges others have; it is transactional, goes to
physical standbys and is never published to a logical subscriber (docs/decisions/0006-a-journal-in-comments.md).
"""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any, Final, NamedTuple

from django.db import DatabaseError

from ..naming import quote
from .questions import Question, ask_together

#: What the names of all types begin with.
PREFIX: Final = "zero_downtime_migrations_"
COMPOSITE: Final = "c"

# One row for each type, at least one where the schema exists. A superuser can write anything into anything.
_LOOK: Final = f"""
SELECT n.nspname::pg_catalog.text, pg_catalog.has_schema_privilege(n.oid, 'CREATE'), u.rolname::pg_catalog.text,
       EXISTS (
           SELECT FROM pg_catalog.pg_event_trigger e
           WHERE e.evtenabled <> 'D' AND e.evtevent IN ('ddl_command_start', 'ddl_command_end', 'sql_drop')
       ),
       j.name, j.kind, j.owner, j.trusted, j.header, j.slots
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
    WHERE t.typnamespace = n.oid AND pg_catalog.starts_with(t.typname::pg_catalog.text, '{PREFIX}'::pg_catalog.text)
    ORDER BY t.typname
) j ON true
WHERE n.nspname = pg_catalog.current_schema()
"""
#: What is asked when the answer is not known already.
NOTED: Final = Question(_LOOK, 10)


class Note(NamedTuple):
    """A type and its comments.

    :param trusted: nobody but this role, or a superuser, could have written what it has.
    :param header: the comment of the type itself. :param slots: those of its attributes, as JSON.
    """

    name: str
    kind: str
    owner: str
    trusted: bool
    header: str | None
    slots: str | None


class _Place(NamedTuple):
    """:param schema: the first of the search_path that exists; empty where there is none."""

    schema: str = ""
    may_create: bool = False
    role: str = ""
    has_event_triggers: bool = False
    notes: tuple[Note, ...] = ()


class Notes:
    """The notes of one schema.

    :param known: the answer to :data:`NOTED`, where that has been asked already.
    """

    def __init__(self, connection: Any, known: list[tuple[Any, ...]] | None = None) -> None:
        self.connection = connection
        self._known = known

    @cached_property
    def place(self) -> _Place:
        rows = self._known if self._known is not None else ask_together(self.connection, [NOTED])[0]
        notes = tuple(Note(*row[4:]) for row in rows if row[4] is not None)
        return _Place(*rows[0][:4])._replace(notes=notes) if rows else _Place()

    def named(self, prefix: str) -> list[Note]:
        return [note for note in self.place.notes if note.name.startswith(prefix)]

    def why_not(self, kept: str, off: str) -> str:
        """Why no note can be kept here, and what to do; empty where it can.

        :param kept: what keeps its notes, as the beginning of a sentence. :param off: the other way out.
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
        """What the server says of a type that is made and dropped at once."""
        name = self.path(f"{PREFIX}tried")
        try:
            self.run(f"CREATE TYPE {name} AS (a text); COMMENT ON TYPE {name} IS 'tried'; DROP TYPE {name}")
        except DatabaseError as error:
            return str(error).strip().partition("\n")[0]
        return ""

    def path(self, name: str) -> str:
        return f"{quote(self.place.schema)}.{quote(name)}"

    def _literal(self, value: object) -> str:
        text = json.dumps(value, separators=(",", ":"))
        return str(self.connection.ops.compose_sql("%s", [text])).strip()

    def run(self, sql: str) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, None)

    def create(self, name: str, attributes: list[str], header: object) -> str:
        path = self.path(name)
        typed = ", ".join(f"{attribute} pg_catalog.text" for attribute in attributes)
        return "; ".join(
            [
                f"CREATE TYPE {path} AS ({typed})",
                # A column of this type would be in the way of dropping it.
                f"REVOKE ALL ON TYPE {path} FROM PUBLIC",
                f"COMMENT ON TYPE {path} IS {self._literal(header)}",
            ]
        )

    def write(self, name: str, attribute: str, value: object) -> str:
        return f"COMMENT ON COLUMN {self.path(name)}.{attribute} IS {self._literal(value)}"

    def drop(self, names: list[str]) -> str:
        return f"DROP TYPE IF EXISTS {', '.join(map(self.path, names))}"
