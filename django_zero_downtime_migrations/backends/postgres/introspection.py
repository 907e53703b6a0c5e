"""Introspection that sees what the schema editor has planned and not sent yet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

# Django's own introspection module cannot be imported before its base module.
import django.db.backends.postgresql.base  # noqa: F401
from django.db.backends.postgresql.introspection import DatabaseIntrospection as PostgresIntrospection

from ...django_types import Connection, Cursor
from ...naming import RENAMED, as_django_has, as_django_quotes, split_identifier
from ...server import names_of

if TYPE_CHECKING:
    from ...catalog.projection import Projection


class IntrospectionMixin:
    """The introspection of what is planned. This class precedes any PostgreSQL introspection class.

    :ivar projection: set while a call of the editor is being planned.
    :ivar past: the call belongs to an earlier run, which has changed what Django would look for: Django finds nothing.
    """

    projection: Projection | None = None
    past = False
    connection: Any

    @contextmanager
    def showing(self, projection: Projection, past: bool) -> Iterator[None]:
        """Show Django what is planned, while a call of the editor is."""
        self.projection, self.past = projection, past
        try:
            yield
        finally:
            self.projection, self.past = None, False

    def _live(self, table_name: str) -> tuple[str, str]:
        assert self.projection is not None
        quoted = names_of(self.connection).as_sql(table_name)
        return quoted, self.projection.live_table(quoted)

    def _located(self, cursor: Cursor, table: str) -> tuple[Any, str]:
        """Return a cursor and a name with which Django finds a table.

        :param table: its quoted name.
        """
        try:
            *schema, name = split_identifier(table)
        except ValueError:
            return cursor, table[1:-1]
        if not schema:
            return cursor, name
        from .other_schemas import InSchema

        return InSchema(cursor, schema[-1], name, table[1:-1]), name

    def get_table_list(self, cursor: Cursor) -> list[Any]:
        """List the tables. A table that a view has replaced is listed by the name of the view."""
        parent: Any = super()
        found: list[Any] = parent.get_table_list(cursor)
        hidden = {each.name: own for each in found if (own := self._own_name(each.name)) != each.name}
        views = {each.name for each in found if each.type == "v"} & set(hidden.values())
        shown = (each for each in found if hidden.get(each.name) not in views)
        return [each._replace(type="t") if each.name in views else each for each in shown]

    def _own_name(self, name: str) -> str:
        return names_of(self.connection).lasting(name) if name.endswith(RENAMED) else name

    def get_constraints(self, cursor: Cursor, table_name: str) -> Any:
        parent: Any = super()
        if self.past:
            return {}
        if self.projection is None:
            return parent.get_constraints(*self._located(cursor, as_django_quotes(table_name)))
        # Imported here: most processes of a project plan nothing.
        from ...ddl.spaces import Space

        quoted, live = self._live(table_name)
        located, name = self._located(cursor, live)
        if gone := self.projection.hidden(quoted, Space.CONSTRAINTS):
            located = _Without(located, gone)
        found = self.projection.constraints(quoted, parent.get_constraints(located, name))
        return dict(_as_django_has(*item) for item in found.items())

    def get_sequences(self, cursor: Cursor, table_name: str, table_fields: Any = ()) -> Any:
        parent: Any = super()
        if self.past:
            return []
        if self.projection is None:
            return parent.get_sequences(cursor, table_name, table_fields)
        quoted, live = self._live(table_name)
        shown = self.projection.shown_column
        found = parent.get_sequences(*self._located(cursor, live), table_fields)
        found = self._with_schemas(cursor, live, found) if found else []
        return [sequence | {"column": as_django_has(shown(quoted, sequence["column"]))} for sequence in found]

    def _with_schemas(self, cursor: Cursor, table: str, sequences: list[dict[str, Any]]) -> list[dict[str, Any]]:
        from .other_schemas import with_schemas

        return with_schemas(cursor, table, sequences)


class _Without:
    """A cursor that does not see constraints which are planned to be dropped.

    Django keeps one object of a name: it would miss an index if a foreign key has the same name.
    """

    def __init__(self, cursor: Cursor, gone: frozenset[str]) -> None:
        self._cursor = cursor
        self._gone = gone

    def fetchall(self) -> list[Any]:
        return [row for row in self._cursor.fetchall() if not (row[0] in self._gone and row[2] in ("f", "c", "n"))]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


def _as_django_has(name: str, constraint: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    # An expression beside columns is None in this list.
    columns = constraint.get("columns") or ()
    if any(each and '"' in each for each in (name, *columns)):
        constraint = constraint | {"columns": [column and as_django_has(column) for column in columns]}
    return as_django_has(name), constraint


class DatabaseIntrospection(IntrospectionMixin, PostgresIntrospection):
    pass


def projecting(connection: Connection) -> Any:
    """Return the connection's introspection, with ours in front of it if another package has replaced ours."""
    there = connection.introspection
    if not isinstance(there, IntrospectionMixin):
        made = type(type(there).__name__, (IntrospectionMixin, type(there)), {"__module__": __name__})
        connection.introspection = made(connection)
    return connection.introspection
