"""Indexes that stock Django would make at the end of the migration, and that we have made with their column.

To Django's introspection they are not there yet. Until the end Django would go on renaming them with their table and
column, so at the end they get the name that they would have had.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.db.backends.ddl_references import IndexName
from django.db.backends.ddl_references import Statement as DjangoStatement

from ...catalog import Catalog
from ...ddl import statements as s
from ...naming import unquote
from ...projection import Projection

#: Among the deferred statements it stands for :meth:`EarlyIndexes.renames`: Django does not record a migration before
#: its deferred statements have run.
RENAMES = "-- indexes get their names"


def _django(table: str) -> str:
    """A quoted table's name as ``db_table`` has it, where it may have a schema: ``schema"."table``."""
    return table[1:-1] if '"."' in table else unquote(table)


class EarlyIndexes:
    """:param name: Django's own ``_create_index_name`` (table, columns, suffix)."""

    def __init__(self, name: Callable[[str, list[str], str], str]) -> None:
        self._name = name
        self._made: list[tuple[IndexName, str]] = []

    def add(self, statement: Any) -> None:
        """:param statement: a deferred one of Django's that is about to run."""
        part = statement.parts.get("name") if isinstance(statement, DjangoStatement) else None
        if isinstance(part, IndexName) and self._now(part) == unquote(str(part)):
            self._made.append((part, unquote(str(part))))

    def _now(self, part: IndexName) -> str:
        return self._name(part.table, part.columns, part.suffix)

    def follow(self, statement: s.Statement) -> bool:
        """A table or column has got another name. Returns whether an index will get another name then."""
        for part, _ in self._made:
            if isinstance(statement, s.RenameTable):
                part.rename_table_references(_django(statement.table), _django(statement.new_table))
            elif isinstance(statement, s.RenameColumn):
                columns = unquote(statement.column), unquote(statement.new_column)
                part.rename_column_references(_django(statement.table), *columns)
        return any(self._now(part) != name for part, name in self._made)

    def hidden_from(self, projection: Projection) -> Projection:
        """:param projection: what Django's introspection is shown."""
        projection.early = {name for _, name in self._made}
        return projection

    def renames(self, catalog: Catalog) -> Iterator[s.RenameIndex]:
        """What brings the names up to date; an index that has gone in the meantime has none."""
        for part, name in self._made:
            new_name, table = self._now(part), f'"{part.table}"'
            there = catalog.projection.has(table, name) or catalog.index(table, f'"{name}"') is not None
            if new_name != name and there:
                sql = f'ALTER INDEX "{name}" RENAME TO "{new_name}"'
                yield s.RenameIndex(sql=sql, table=table, name=f'"{name}"', new_name=f'"{new_name}"')
