"""The sizes of tables: asked of the database, or read from a file that was written where the data is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...catalog.records import Size
from ...catalog.server import ServerCatalog
from ...django_types import Connection
from ...errors import CannotJudge
from ...naming import plain_table, split_identifier
from ...planning.costs import Values

VERSION = 1
_NAMES = """
SELECT pg_catalog.concat(CASE WHEN NOT seen.visible THEN n.nspname::pg_catalog.text || '.' END, c.relname),
       pg_catalog.concat(
           CASE WHEN NOT seen.visible THEN pg_catalog.quote_ident(n.nspname) || '.' END,
           pg_catalog.quote_ident(c.relname))
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (SELECT pg_catalog.pg_table_is_visible(c.oid)) seen(visible)
WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND NOT c.relispartition
AND n.nspname::pg_catalog.text NOT LIKE 'pg\\_%%' AND n.nspname <> 'information_schema'
ORDER BY 1
"""


class Sizes:
    """The sizes when nothing is known."""

    def of(self, table: str) -> Size:
        """Return the size of a table.

        :param table: its quoted name.
        """
        return Size()

    def values(self, table: str) -> dict[str, Values]:
        """Return the statistics of a table's columns, by their plain names of today, as far as they are known."""
        return {}


class FileSizes(Sizes):
    """The sizes in a file.

    :param path: the file that :func:`write` wrote.
    :raises CannotJudge: when it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        data = read_json(path, "statistics")
        tables = data.get("tables")
        if data.get("version") != VERSION or not isinstance(tables, Mapping):
            raise CannotJudge(f"{path} is not a file of statistics that --write-stats has written.")
        self._tables = tables

    def of(self, table: str) -> Size:
        # A table that is not found without its schema is stored with it.
        found = self._tables.get(".".join(split_identifier(table)), self._tables.get(plain_table(table)))
        return Size(*(found.get(name) for name in Size._fields)) if isinstance(found, Mapping) else Size()


class DatabaseSizes(Sizes):
    def __init__(self, connection: Connection) -> None:
        self._catalog = ServerCatalog(connection)

    def of(self, table: str) -> Size:
        return self._catalog.size(table)

    def values(self, table: str) -> dict[str, Values]:
        rows = self.of(table).rows or 0
        found = self._catalog.rows("values", [table])
        return {
            row["name"]: Values(row["width"], row["distinct"] if row["distinct"] >= 0 else -row["distinct"] * rows)
            for row in found
        }


def write(connection: Connection, path: Path) -> int:
    """Write the size of each table, under its name, with its schema if the name alone does not mean it.

    :returns: how many tables.
    :raises CannotJudge: when the file cannot be written.
    """
    with connection.cursor() as cursor:
        cursor.execute(_NAMES, ())
        names = cursor.fetchall()
    sizes = DatabaseSizes(connection)
    tables = {name: sizes.of(quoted)._asdict() for name, quoted in names}
    write_json(path, {"version": VERSION, "tables": tables})
    return len(tables)


def read_json(path: Path, what: str) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CannotJudge(f"The {what} cannot be read: {error}.") from None
    except ValueError as error:
        raise CannotJudge(f"The {what} in {path} are not JSON: {error}.") from None
    if not isinstance(data, dict):
        raise CannotJudge(f"The {what} in {path} are not a JSON object.")
    return data


def write_json(path: Path, data: Any) -> None:
    try:
        path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise CannotJudge(f"{path} cannot be written: {error}.") from None
