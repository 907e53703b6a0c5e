"""The questions of a probe to the server, and the empty tables on which it builds what is wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, TypeVar

from django.db import DataError, IntegrityError, NotSupportedError, ProgrammingError, transaction

from ....django_types import Connection
from ....errors import CannotMigrate
from ....naming import Names, quote, split_identifier
from ....server import names_of
from ...server_errors import INSUFFICIENT_PRIVILEGE, sqlstate
from . import descriptions as d

T = TypeVar("T")
# An object on the copy gets the tablespace that it would get on the table.
_TABLESPACE = """
SELECT pg_catalog.set_config('temp_tablespaces', coalesce(pg_catalog.quote_ident(nullif(s, '')), ''), true)
FROM pg_catalog.current_setting('default_tablespace') s
"""
_MAY_BUILD = """
SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMPORARY'),
       current_user::pg_catalog.text, pg_catalog.current_database()::pg_catalog.text
"""
_FULL_NAME = "SELECT pg_catalog.format('%%I.%%I', %s::pg_catalog.text, %s::pg_catalog.text)"


def sibling(sql: str, name: str) -> str:
    """Return a name with the schema that is written before another name."""
    *schemas, _ = split_identifier(sql)
    return ".".join([*map(quote, schemas), name])


class Server:
    """The server, asked for objects by their names in SQL, which are looked up as a statement would."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def fetch(self, sql: str, *params: object) -> list[tuple[Any, ...]]:
        given: Sequence[Any] = params
        with self.connection.cursor() as cursor:
            cursor.execute(sql, given)
            return list(cursor.fetchall())

    def run(self, sql: str) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, None)

    def plain(self, sql: str) -> str:
        """Return the last part of a name in SQL, as the server stores it."""
        return self._names.plain(sql)

    @cached_property
    def _names(self) -> Names:
        return names_of(self.connection)

    # The existing objects

    def relation(self, name: str) -> d.Relation | None:
        rows = self.fetch(d.RELATION, name)
        return d.Relation(*rows[0]) if rows else None

    def table(self, name: str) -> d.Relation | None:
        found = self.relation(name)
        return found if found and found.is_table else None

    def beside(self, relation: d.Relation, name: str) -> d.Relation | None:
        """Return the relation of this name in the schema of another relation."""
        rows = self.fetch(d.IN_SCHEMA, self.plain(name), relation.schema)
        return self.relation(rows[0][0])

    def columns(self, table: d.Relation) -> dict[str, str]:
        return dict(self.fetch(d.COLUMNS, table.oid))

    def index(self, index: d.Relation) -> d.Index | None:
        rows = self.fetch(d.INDEX, index.oid)
        return d.Index(*rows[0]) if rows else None

    def constraints(self, table: d.Relation) -> list[d.Constraint]:
        return [d.Constraint(*row) for row in self.fetch(d.CONSTRAINTS, table.oid)]

    def constraint(self, table: d.Relation, name: str) -> d.Constraint | None:
        wanted = self.plain(name)
        return next((x for x in self.constraints(table) if x.name == wanted), None)

    def full_name(self, table: str) -> str:
        """Return a table's name with its schema; the name as it is written if the table is not found."""
        found = self.relation(table)
        if found is None:
            return table
        name: str = self.fetch(_FULL_NAME, found.schema, found.name)[0][0]
        return name

    # The wanted objects

    def built(self, build: Callable[[], T]) -> T | None:
        """Return what ``build`` makes and describes; it is rolled back. None if the server refuses to make it.

        :raises CannotMigrate: when the role may not create temporary tables.
        """
        try:
            with self._rolled_back():
                return build()
        except (ProgrammingError, NotSupportedError, DataError, IntegrityError) as error:
            if isinstance(error, CannotMigrate) or sqlstate(error) == INSUFFICIENT_PRIVILEGE:
                raise
            return None

    @contextmanager
    def _rolled_back(self) -> Iterator[None]:
        allowed, role, database = self.fetch(_MAY_BUILD)[0]
        if not allowed:
            raise CannotMigrate(
                "An object of this name is there already, and whether it is the wanted one is found out by building "
                f"that on an empty temporary table: the role {role} needs the privilege TEMPORARY for it. Grant it "
                f"(GRANT TEMPORARY ON DATABASE {quote(database)} TO {quote(role)}) and run the migration again; "
                "nothing was changed."
            )
        alias = self.connection.alias
        with transaction.atomic(alias):
            self.fetch(_TABLESPACE)
            yield
            transaction.set_rollback(True, alias)

    def copy(self, table: d.Relation) -> d.Relation:
        """Make an empty table of the same name and columns, without NOT NULL, defaults and constraints."""
        source = f"{quote(table.schema)}.{quote(table.name)}"
        self.run(f"CREATE TEMPORARY TABLE {self.temporary(table)} AS TABLE {source} WITH NO DATA")
        return self._made(self.temporary(table))

    def dummy(self, name: str, columns: Sequence[str], more: str = "") -> d.Relation:
        """Make a table of numbers, for what does not depend on types.

        :param columns: quoted.
        """
        parts = [f"{column} integer" for column in columns] + ([more] if more else [])
        self.run(f"CREATE TEMPORARY TABLE pg_temp.{quote(name)} ({', '.join(parts)})")
        return self._made(f"pg_temp.{quote(name)}")

    def _made(self, name: str) -> d.Relation:
        made = self.relation(name)
        assert made is not None
        return made

    @staticmethod
    def temporary(table: d.Relation) -> str:
        return f"pg_temp.{quote(table.name)}"
