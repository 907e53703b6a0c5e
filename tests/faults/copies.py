"""Copies of one database, and their state after a run."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

from django.conf import settings

from servers import launch
from tests import databases

numbers = itertools.count(1)
#: How many copies are made before they are needed.
AHEAD = 2
_TABLES = """
SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1
"""


class Outcome(NamedTuple):
    """The end of a run.

    :param rows: the rows of each table, including django_migrations, without values that differ in each run.
    """

    schema: str
    rows: dict[str, list[str]]


def copies_of(database: str, count: int) -> Generator[str, None, None]:
    """Yield this many copies, one after the other: each is dropped when the next is asked for. The database must not
    have other sessions meanwhile.
    """
    session = databases.open_session(autocommit=True)
    with closing(session), ThreadPoolExecutor(1) as beside:
        waiting: deque[Future[str]] = deque()
        last = None
        try:
            for number in range(count):
                while len(waiting) <= min(AHEAD, count - number - 1):
                    waiting.append(beside.submit(_make, session, database))
                last = waiting.popleft().result()
                yield last
                beside.submit(_drop, session, last)
                last = None
        finally:
            for name in (last, *(future.result() for future in waiting)):
                if name:
                    beside.submit(_drop, session, name).result()


def _make(session: Any, database: str) -> str:
    name = f"{database}_{next(numbers)}"
    with session.cursor() as cursor:
        databases.evict(database, cursor)
    databases.create(name, session, database)
    return name


def _drop(session: Any, name: str) -> None:
    with session.cursor() as cursor:
        databases.evict(name, cursor)
        cursor.execute(f'DROP DATABASE "{name}"')


@contextmanager
def copy_of(database: str) -> Iterator[str]:
    with closing(copies_of(database, 1)) as made:
        yield next(made)


def outcome(database: str, hidden: tuple[str, ...] = ()) -> Outcome:
    """Return the outcome of a run.

    :param hidden: columns whose values differ from run to run.
    """
    return Outcome(schema(database), rows(database, hidden))


def schema(database: str) -> str:
    """Return the schema without the times of looks at what is owed."""
    dump = launch.pg_dump(f"{settings.DATABASE_URL.rsplit('/', 1)[0]}/{database}", "--schema-only")
    return "\n".join(line for line in dump.splitlines() if ".seen IS " not in line)


def rows(database: str, hidden: tuple[str, ...] = ()) -> dict[str, list[str]]:
    with closing(databases.open_session(database, autocommit=True)) as session, session.cursor() as cursor:
        cursor.execute(_TABLES)
        found = {}
        for table in [name for (name,) in cursor.fetchall()]:
            without = ("applied", "id") if table.endswith(".django_migrations") else hidden
            less = "".join(f" - '{column}'" for column in without)
            cursor.execute(f"SELECT (to_jsonb(t){less})::text FROM {table} t ORDER BY 1")
            found[table] = [text for (text,) in cursor.fetchall()]
        return found
