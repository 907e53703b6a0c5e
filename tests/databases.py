"""New databases on the server of DATABASE_URL, and plain driver sessions to them."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from tests import plain

try:
    import psycopg as driver
except ImportError:
    import psycopg2 as driver  # type: ignore[no-redef]
try:
    # Only in the psycopg 3 environments: it needs psycopg 3, and Django prefers that wherever it can be imported.
    from pytest_postgresql.janitor import DatabaseJanitor
except ImportError:
    DatabaseJanitor = None

numbers = itertools.count(1)


def open_session(name: str | None = None, *, autocommit: bool = False, role: str = "") -> Any:
    """A connection of the installed driver, independent of Django; without a name to the database of DATABASE_URL.

    :param role: that a test has made, with the password ``tests``; by default the one of DATABASE_URL.
    """
    parameters = connections.settings["default"]
    session = driver.connect(
        dbname=name or urlsplit(settings.DATABASE_URL).path.lstrip("/") or "postgres",
        user=role or parameters["USER"],
        password="tests" if role else parameters["PASSWORD"],
        host=parameters["HOST"],
        port=parameters["PORT"],
    )
    session.autocommit = autocommit
    return session


@contextmanager
def fresh_database() -> Iterator[str]:
    """The name of a new empty database, which goes at the end together with everybody who is still in it."""
    # With the process id, because the workers of pytest-xdist share a server.
    name = f"test_{os.getpid()}_{next(numbers)}"
    with closing(open_session(autocommit=True)) as session, session.cursor() as cursor, new_database(name, cursor):
        try:
            yield name
        finally:
            evict(name, cursor)


def new_database(name: str, cursor: Any) -> AbstractContextManager[Any]:
    if DatabaseJanitor is None:
        return database_by_sql(name, cursor)
    parameters = connections.settings["default"]
    return DatabaseJanitor(
        user=parameters["USER"],
        password=parameters["PASSWORD"],
        host=parameters["HOST"],
        port=parameters["PORT"],
        dbname=name,
        template_dbname="template0",
    )


@contextmanager
def database_by_sql(name: str, cursor: Any) -> Iterator[None]:
    cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
    try:
        yield
    finally:
        cursor.execute(f'DROP DATABASE "{name}"')


def evict(name: str, cursor: Any) -> None:
    """DROP DATABASE waits in steps of 100 ms for those who are still there, also for one who is just closing."""
    while True:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        if not cursor.fetchall():
            return
        time.sleep(0.001)


@contextmanager
def registered(alias: str, parameters: dict[str, Any]) -> Iterator[BaseDatabaseWrapper]:
    """A connection whose alias stands in DATABASES for a while; each other thread gets its own under this alias."""
    # Reading these settings has filled in Django's defaults, and it is this dictionary that Django looks into.
    connections.settings[alias] = parameters
    try:
        connection = connections[alias]
        plain.watch(connection)
        yield connection
        connection.close()
        if parameters["OPTIONS"].get("pool"):
            connection.close_pool()
        del connections[alias]
    finally:
        del connections.settings[alias]
