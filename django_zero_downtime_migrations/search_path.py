"""A search_path that names pg_catalog behind a schema in which other roles may create.

Their objects then take the place of the server's own functions, operators and types, also in the statements of Django
and of the user, and run with the privileges of the role that migrates.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

from .django_types import Connection
from .errors import CannotMigrate
from .naming import quote

#: Connections of the driver whose search_path has been looked at.
_seen: WeakSet[Any] = WeakSet()

# It uses no operator, which might be another role's. A search_path without pg_catalog has it in front.
_PATH = "SELECT pg_catalog.current_schemas(true)::pg_catalog.text[]"
# The owner of a schema may grant itself the privilege at any time; a superuser needs no trick.
_OTHERS = """
SELECT n.nspname::pg_catalog.text,
       pg_catalog.array_agg(DISTINCT coalesce(pg_catalog.quote_ident(r.rolname), 'PUBLIC'))::pg_catalog.text[],
       current_user::pg_catalog.text, pg_catalog.current_setting('search_path')
FROM pg_catalog.pg_namespace n
CROSS JOIN LATERAL (
    SELECT n.nspowner
    UNION ALL
    SELECT g.grantee FROM pg_catalog.aclexplode(n.nspacl) g WHERE g.privilege_type OPERATOR(pg_catalog.=) 'CREATE'
) may(role)
LEFT JOIN pg_catalog.pg_roles owners ON owners.oid OPERATOR(pg_catalog.=) may.role
LEFT JOIN pg_catalog.pg_database d ON owners.rolname OPERATOR(pg_catalog.=) 'pg_database_owner'
AND d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
LEFT JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) coalesce(d.datdba, may.role)
WHERE n.nspname OPERATOR(pg_catalog.=) ANY (%s::pg_catalog.name[])
AND coalesce(NOT r.rolsuper AND r.rolname OPERATOR(pg_catalog.<>) current_user, true)
GROUP BY n.nspname
"""


def refuse_hostile_search_path(connection: Connection, path: list[str] | None = None) -> None:
    """Ask once for each driver connection, before any question that has an operator in it.

    :param path: the schemas in which names are looked up, if they are known already.
    :raises CannotMigrate: when roles other than this one may create something in a schema before pg_catalog.
    """
    connection.ensure_connection()
    if connection.connection in _seen:
        return
    with connection.cursor() as cursor:
        if path is None:
            cursor.execute(_PATH)
            path = cursor.fetchone()[0]
        if before := _before_catalog(path):
            cursor.execute(_OTHERS, [before])
            if row := cursor.fetchone():
                raise _refusal(*row)
    _seen.add(connection.connection)


def _before_catalog(schemas: list[str]) -> list[str]:
    """Return the schemas before pg_catalog; functions and operators are never looked up in a temporary schema."""
    return [schema for schema in schemas[: schemas.index("pg_catalog")] if not schema.startswith("pg_temp_")]


def _refusal(schema: str, roles: list[str], role: str, path: str) -> CannotMigrate:
    others = ", ".join(roles)
    return CannotMigrate(
        f"The search_path of this connection ({path}) names pg_catalog behind the schema {quote(schema)}, in which "
        f"others may create functions and operators ({others}). Those would take the place of PostgreSQL's own in "
        f"every statement, and run with the rights of {quote(role)}. Nothing was sent. Leave pg_catalog out of the "
        "search_path, where it comes first by itself (OPTIONS in DATABASES, ALTER ROLE or ALTER DATABASE), or let "
        f"no other role create in that schema: REVOKE CREATE ON SCHEMA {quote(schema)} FROM {others}."
    )
