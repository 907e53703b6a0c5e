"""The remains of an online change of type in a database, when no run will finish it any more."""

from __future__ import annotations

from ...django_types import Connection
from ...naming import Names, quote
from ...printable import printable
from ...record import Row
from ...server import names_of
from .store import Store

# The question returns the column, and the foreign keys that have been made of it, or to it.
_COLUMNS = """
SELECT n.nspname::pg_catalog.text, c.relname::pg_catalog.text, a.attname::pg_catalog.text, ARRAY(
    SELECT pg_catalog.concat(
        pg_catalog.quote_ident(k.conname::pg_catalog.text), ' of ', k.conrelid::pg_catalog.regclass::pg_catalog.text)
    FROM pg_catalog.pg_constraint k
    WHERE k.contype = 'f' AND (
        k.conrelid = c.oid AND a.attnum = ANY (k.conkey) OR k.confrelid = c.oid AND a.attnum = ANY (k.confkey))
    ORDER BY k.conname)
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid AND c.relkind = 'r'
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attname::pg_catalog.text ~ '^~.*_zdm_new$'
ORDER BY c.oid, a.attnum
"""


class Leftover(Row):
    """A column that was to replace another one.

    :param table: quoted, with its schema.
    :param column: the plain name of the column that is still there.
    :param keys: the foreign keys that have been made of the new one, or to it.
    :param drops: SQL that drops the new column, and what keeps the two equal.
    """

    table: str
    column: str
    keys: tuple[str, ...]
    drops: str

    def message(self, alias: str) -> str:
        column = printable(f"{quote(self.column)} of {self.table}")
        return f"The type of {column} in database {alias!r} has begun to change, and no migration goes on with it."

    @property
    def hint(self) -> str:
        first = f"Foreign keys are of the new column: make them of the old one ({', '.join(self.keys)}). Then run: "
        return printable(f"{first if self.keys else 'Where no migrate is at work, run: '}{self.drops}")


def leftovers(connection: Connection) -> list[Leftover]:
    """Return the leftovers; none while a migration is under way, or was interrupted and will go on."""
    store = Store(connection)
    if not store.is_empty or store.elsewhere():
        return []
    names = names_of(connection)
    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS, None)
        return [_leftover(names, *row) for row in cursor.fetchall() if _replaced(names, row[2])]


def _replaced(names: Names, new: str) -> str:
    """Return the plain name of the column that it was to replace; empty if that cannot be told."""
    marked = names.lasting(new)
    return marked[1:] if marked != new else ""


def _leftover(names: Names, schema: str, table: str, new: str, keys: list[str]) -> Leftover:
    column = _replaced(names, new)
    path = f"{quote(schema)}.{quote(table)}"
    triggers = (quote(names.temporary(f"~{column}", purpose)) for purpose in ("insert", "update"))
    function = f"{quote(schema)}.{quote(names.temporary(f'{table}_{column}', 'sync'))}"
    drops = [f"DROP TRIGGER IF EXISTS {trigger} ON {path}" for trigger in triggers]
    drops += [f"DROP FUNCTION IF EXISTS {function}()", f"ALTER TABLE {path} DROP COLUMN {quote(new)}"]
    return Leftover(path, column, tuple(keys), f"{'; '.join(drops)};")
