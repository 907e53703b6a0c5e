"""A connection that never connects: Django's schema editor asks it what it would ask a database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper as PostgresWrapper

from ...backends.postgres.introspection import IntrospectionMixin
from ...django_types import Connection, Cursor, Params, Sql
from ...server import NEWEST
from .table import ConstraintOrIndex, Table
from .tables import Tables


class NotConnected(Exception):
    """An answer was asked of a database, and there is none."""


class OfflineMixin:
    """The connection. This class precedes a database wrapper of ours. It judges as the newest server would, and keeps
    no transaction.
    """

    pg_version = NEWEST
    server_encoding = "UTF8"
    tables: Tables | None = None

    def connect(self) -> None:
        raise NotConnected("check_migrations judges without a database here, and something asks it a question")

    ensure_connection = connect

    def get_autocommit(self) -> bool:
        return True

    def set_autocommit(self, *args: object, **kwargs: object) -> None:
        pass

    commit = rollback = close = set_autocommit

    def cursor(self, *args: object, **kwargs: object) -> Any:
        return _NoCursor()


class _NoCursor:
    def __enter__(self) -> Any:
        return self

    def __exit__(self, *args: object) -> None:
        pass

    def execute(self, sql: Sql, params: Params = None) -> None:
        raise NotConnected(f"check_migrations judges without a database here, and something asks: {sql}")


#: The class is taken from there, since its own module cannot be imported first.
_Introspection: Any = PostgresWrapper.introspection_class


class _FromTables(_Introspection):  # type: ignore[misc]
    def get_constraints(self, cursor: Cursor, table_name: str) -> Any:
        table = self._table(table_name)
        return {held.name: _for_django(held) for held in table.held} if table else {}

    def get_sequences(self, cursor: Cursor, table_name: str, table_fields: Any = ()) -> Any:
        table = self._table(table_name)
        columns = table.columns.items() if table else ()
        return [
            {"name": f"{table_name}_{name}_seq", "table": table_name, "column": name}
            for name, column in columns
            if column.identity
        ]

    def _table(self, table_name: str) -> Table | None:
        connection: Any = self.connection
        tables: Tables | None = connection.tables
        return tables.get(table_name) if tables else None


class OfflineIntrospection(IntrospectionMixin, _FromTables):
    """The answers that Django needs while it builds its statements."""

    # Without a database, the schema cannot be asked for.

    def _located(self, cursor: Cursor, table: str) -> tuple[Any, str]:
        return cursor, table

    def _with_schemas(self, cursor: Cursor, table: str, sequences: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return sequences


def _for_django(held: ConstraintOrIndex) -> dict[str, Any]:
    return {
        "columns": list(held.columns),
        "primary_key": held.kind == "p",
        "unique": held.unique,
        "foreign_key": (held.to_table.strip('"'), held.to_column) if held.kind == "f" else None,
        "check": held.kind == "c",
        "index": held.kind == "i",
        "type": ("idx" if held.method == "btree" else held.method) if held.kind == "i" else None,
        "definition": None,
        "options": None,
    }


class OfflineEditorMixin:
    """The editor. This class precedes an editor of ours."""

    def _is_collation_deterministic(self, collation_name: str) -> bool:
        # This is unknown; nearly all are, and the others are only left without an index for LIKE.
        return True

    def _refuse_hostile_search_path(self) -> None:
        pass


def offline(connection: Connection) -> Any:
    """Return a connection with the class and settings of this one.

    :param connection: one of ours.
    """
    editor = type("OfflineEditor", (OfflineEditorMixin, connection.SchemaEditorClass), {})
    kind: type[Any] = type("OfflineWrapper", (OfflineMixin, type(connection)), {"SchemaEditorClass": editor})
    made = kind(connection.settings_dict, connection.alias)
    made.introspection = OfflineIntrospection(made)
    return made


@contextmanager
def in_place_of(connection: Connection) -> Iterator[None]:
    """Let Django return this connection for its alias in the block, for instance to ``transaction.atomic``."""
    before = connections[connection.alias]
    connections[connection.alias] = connection
    try:
        yield
    finally:
        connections[connection.alias] = before
