"""Indexes that stock Django would make at the end of the migration, and that we have made with their column.

Django's introspection does not see them yet. Until the end Django would go on renaming them with their table and
column, so at the end they get the name that they would have had.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.db.backends.ddl_references import IndexName
from django.db.backends.ddl_references import Statement as DjangoStatement

from ...catalog.planned import PlannedCatalog
from ...catalog.projection import Projection
from ...ddl import statements as s
from ...ddl.spaces import Space
from ...ddl.template import SQL
from ...naming import Names, as_django_quotes, quote, unquote

#: The placeholder of :meth:`EarlyIndexes.renames` among the deferred statements: Django does not record a migration
#: before its deferred statements have run.
RENAMES = "-- indexes get their names"


def _as_written(statement: s.Statement, part: str) -> str:
    """Return a name in a statement of Django's as Django has it, which may be longer than the server's."""
    return str(statement.sql.parts[part]) if isinstance(statement.sql, SQL) else str(getattr(statement, part))


class EarlyIndexes:
    """The indexes of one migration's new columns.

    :param name: Django's own ``_create_index_name`` (table, columns, suffix).
    :param names: returns the database's spelling of names, once there is a connection.
    """

    def __init__(self, name: Callable[[str, list[str], str], str], names: Callable[[], Names]) -> None:
        self._name = name
        self._names = names
        self._made: list[tuple[IndexName, str]] = []

    def add(self, statement: Any) -> None:
        """Note an index.

        :param statement: a deferred one of Django's that is about to run.
        """
        part = statement.parts.get("name") if isinstance(statement, DjangoStatement) else None
        if isinstance(part, IndexName) and as_django_quotes(self._now(part)) == str(part):
            self._made.append((part, self._now(part)))

    def _now(self, part: IndexName) -> str:
        return self._name(part.table, part.columns, part.suffix)

    def follow(self, statement: s.Statement) -> bool:
        """Follow a table or column that has got another name. Return whether an index will get another name then."""
        for part, _ in self._made:
            if self._names().as_sql(part.table) != statement.table:
                continue
            if isinstance(statement, s.RenameTable):
                part.rename_table_references(part.table, _as_written(statement, "new_table"))
            elif isinstance(statement, s.RenameColumn):
                for column in [x for x in part.columns if self._names().as_sql(x) == statement.column]:
                    new_column = _as_written(statement, "new_column")[1:-1]
                    part.rename_column_references(part.table, column, new_column)
        return any(self._now(part) != name for part, name in self._made)

    def hide_early_indexes(self, projection: Projection) -> Projection:
        """Hide the early indexes from Django's introspection.

        :param projection: changed, and returned.
        """
        projection.early = {self._names().truncate(name) for _, name in self._made}
        return projection

    def renames(self, catalog: PlannedCatalog) -> Iterator[s.RenameIndex]:
        """Yield the renames that bring the names up to date; an index that was dropped meanwhile needs none."""
        names = self._names()
        for part, made in self._made:
            name, new_name = (quote(names.truncate(x)) for x in (made, self._now(part)))
            table = names.as_sql(part.table)
            planned = catalog.projection.has(table, unquote(name), Space.INDEXES)
            there = planned or catalog.index(table, name) is not None
            if new_name != name and there:
                sql = f"ALTER INDEX {name} RENAME TO {new_name}"
                yield s.RenameIndex(sql=sql, table=table, name=name, new_name=new_name)
