"""Django's questions about a table whose schema stands in ``db_table``, or whose sequence is not found by its name.

Django itself asks for the first table of a name in the search_path, and does not find ``schema"."table``.
"""

from __future__ import annotations

import re
from typing import Any

from ...django_types import Cursor, Params
from ...naming import as_django_has, relation

_VISIBLE = re.compile(r"(?:pg_catalog\.)?pg_table_is_visible\((\w+)\.oid\)")
_OUT_OF_SIGHT = f"""
SELECT s.relname, n.nspname
FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class s ON s.oid = d.objid
JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace
WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND s.relkind = 'S'
AND d.refobjid = {relation("%s::pg_catalog.text")} AND NOT pg_catalog.pg_table_is_visible(s.oid)
"""


class InSchema:
    """A cursor that asks for the table of a schema instead of the first table of the name.

    :param written: the name as ``db_table`` has it, under which any other question finds nothing.
    """

    def __init__(self, cursor: Cursor, schema: str, name: str, written: str) -> None:
        self._cursor = cursor
        self._name, self._written = name, written
        literal = schema.replace("'", "''").replace("%", "%%")
        self._there = f"relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = '{literal}')"

    def execute(self, sql: str, params: Params = None) -> Any:
        located, count = _VISIBLE.subn(lambda found: f"{found[1]}.{self._there}", sql)
        if not count:
            # The introspection is another package's, which has schemas of its own.
            params = [self._written if param == self._name else param for param in params or ()]
        return self._cursor.execute(located, params)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


def with_schemas(cursor: Cursor, table: str, sequences: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the sequences of a table, with the schema if the name alone does not mean them, as ``db_table`` would.

    :param table: its quoted name.
    """
    cursor.execute(_OUT_OF_SIGHT, [table])
    schemas = dict(cursor.fetchall())
    names = {name: f'{as_django_has(schema)}"."{as_django_has(name)}' for name, schema in schemas.items()}
    return [x | {"name": names.get(x["name"], as_django_has(x["name"]))} for x in sequences]
