"""New databases on the server of DATABASE_URL, and plain driver sessions to them."""

from __future__ import annotations

import atexit
import itertools
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
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

numbers = itertools.count(1)
_kept: Any = None


def open_session(name: str | None = None, *, autocommit: bool = False, role: str = "") -> Any:
    """Open a connection of the installed driver, independent of Django; by default to the database of DATABASE_URL.

    :param role: a role that a test has made, with the password ``tests``; by default the one of DATABASE_URL.
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
def fresh_database(template: str = "template0") -> Iterator[str]:
    """Yield the name of a new database. In the end it is dropped, and all its sessions are ended.

    :param template: the database to copy; it must not have sessions while it is copied.
    """
    # The name has the process id, because the workers of pytest-xdist share a server.
    name = f"test_{os.getpid()}_{next(numbers)}"
    create(name, _keeper(), template)
    try:
        yield name
    finally:
        with _keeper().cursor() as cursor:
            evict(name, cursor)
            cursor.execute(f'DROP DATABASE "{name}"')


def _keeper() -> Any:
    """Return this process's session for making and dropping databases: a new one takes half as long as a database."""
    global _kept
    if _kept is None or _kept.closed:
        _kept = open_session(autocommit=True)
    return _kept


@atexit.register
def _close() -> None:
    if _kept is not None:
        _kept.close()


def create(name: str, session: Any, template: str = "template0") -> None:
    """Make a database by copying files, as PostgreSQL always does before 15.

    Later versions write every page to the log by default, which takes five times as long, and every test has a
    database.
    """
    strategy = " STRATEGY FILE_COPY" if session.info.server_version >= 150000 else ""
    with session.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"{strategy}')


def evict(name: str, cursor: Any) -> None:
    """End all sessions first: DROP DATABASE waits for them in steps of 100 ms, also for a session that is closing."""
    while True:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        if not cursor.fetchall():
            return
        time.sleep(0.001)


@contextmanager
def registered(alias: str, parameters: dict[str, Any]) -> Iterator[BaseDatabaseWrapper]:
    """Register a connection's alias in DATABASES for a while; each other thread gets its own under this alias."""
    # Reading these settings has filled in Django's defaults, and Django looks into this very dictionary.
    connections.settings[alias] = parameters
    try:
        connection = connections[alias]
        plain.watch(connection)
        yield connection
        connection.close()
        if parameters["OPTIONS"].get("pool"):
            connection.close_pool()  # type: ignore[attr-defined]
        del connections[alias]
    finally:
        del connections.settings[alias]
