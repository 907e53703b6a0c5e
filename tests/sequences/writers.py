"""Clients that write all the time while a chain is migrated, and leave the rows as they are."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from tests import databases

#: The tables of a chain, and their columns that can be written.
_TABLES = """
SELECT format('%I', c.relname), array_agg(format('%I', a.attname))
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND a.attgenerated = ''
GROUP BY c.relname ORDER BY 1
"""
PAUSE_SECONDS = 0.002


def transactions(table: str, columns: list[str]) -> Iterator[str]:
    """Yield query strings, each of which is one transaction.

    One rewrites every row, with the values that it has. The others write rows that are twice there, that lack
    values, or that are gone, and roll back: a search for violations has to wait for their end.
    """
    names = ", ".join(columns)
    yield f"UPDATE {table} SET {', '.join(f'{column} = {column}' for column in columns)}"
    yield f"BEGIN; INSERT INTO {table} ({names}) SELECT {names} FROM {table} LIMIT 1; ROLLBACK"
    for column in columns:
        yield f"BEGIN; UPDATE {table} SET {column} = NULL; SELECT pg_sleep({PAUSE_SECONDS}); ROLLBACK"
    yield f"BEGIN; DELETE FROM {table}; SELECT pg_sleep({PAUSE_SECONDS}); ROLLBACK"


@contextmanager
def writing(database: str) -> Iterator[None]:
    """While the block runs, two clients write in the database's tables, whatever these are at the moment."""
    over = threading.Event()
    threads = [threading.Thread(target=_write, args=(database, over)) for _ in range(2)]
    for each in threads:
        each.start()
    try:
        yield
    finally:
        over.set()
        for each in threads:
            each.join()


def _write(database: str, over: threading.Event) -> None:
    with closing(databases.open_session(database, autocommit=True)) as session, session.cursor() as cursor:
        while not over.is_set():
            cursor.execute(_TABLES)
            texts = [text for table, columns in cursor.fetchall() for text in transactions(table, columns)]
            for sql in texts:
                _try(session, cursor, sql)
                if over.wait(PAUSE_SECONDS):
                    break


def _try(session: Any, cursor: Any, sql: str) -> None:
    """The table may have other columns by now, and a constraint may forbid it: so it is with clients."""
    try:
        cursor.execute(sql)
    except Exception:
        session.rollback()
