"""Questions to a server's catalogue: their texts, and how each is sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from importlib import resources
from typing import Any, TypeVar

from django.db import DataError, IntegrityError, InternalError, NotSupportedError, ProgrammingError, transaction

from ..django_types import Connection
from ..naming import Names, relation
from ..search_path import refuse_hostile_search_path
from ..server import names_of

T = TypeVar("T")
Row = dict[str, Any]
#: Errors with which the server says that something cannot be; others, such as the end of the session, say nothing.
REFUSED = (DataError, IntegrityError, InternalError, NotSupportedError, ProgrammingError)
PROBE = "pg_temp.zero_downtime_probe"
FILES = ("catalog.sql", "dependents.sql", "shadow.sql", "shown.sql")


@cache
def questions() -> dict[str, str]:
    """The questions by their names."""
    files = (resources.files(__package__).joinpath(name) for name in FILES)
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    blocks = re.split(r"^-- (\w+)\n", text, flags=re.M)[1:]
    return {
        name: re.sub(r"^--.*\n", "", body, flags=re.M).strip().replace("relation(%s)", relation("%s::pg_catalog.text"))
        for name, body in zip(blocks[::2], blocks[1::2], strict=True)
    }


class Asking:
    """A server whose catalogue is asked."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    @cached_property
    def names(self) -> Names:
        return names_of(self.connection)

    def fetch(self, query: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Return the rows of an answer.

        :raises CannotMigrate: see :func:`.search_path.refuse_hostile_search_path`.
        """
        return self._fetch(query, params)[1]

    def _fetch(self, query: str, params: Sequence[Any]) -> tuple[list[str], list[tuple[Any, ...]]]:
        """The names and the values of the answer."""
        refuse_hostile_search_path(self.connection)
        with self.connection.cursor() as cursor:
            cursor.execute(query, params)
            return [column[0] for column in cursor.description], list(cursor.fetchall())

    def rows(self, question: str, params: Sequence[Any]) -> list[Row]:
        names, rows = self._fetch(questions()[question], params)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def on_probe(self, definition: str, ask: Callable[[str], T]) -> T:
        """Ask about an empty temporary table, which is rolled back.

        :param definition: what follows the name in CREATE TABLE.
        """
        alias = self.connection.alias
        with transaction.atomic(alias):
            with self.connection.cursor() as cursor:
                cursor.execute(f"CREATE TEMPORARY TABLE {PROBE.partition('.')[2]} {definition}", None)
            answer = ask(PROBE)
            transaction.set_rollback(True, alias)
        return answer
