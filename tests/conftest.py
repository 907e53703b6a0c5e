"""Fixtures over a real server: a database of its own for each test, and as many connections to it as the test wants."""

from __future__ import annotations

import copy
import itertools
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from servers import launch
from tests import databases
from tests.faults.summary import pytest_terminal_summary as pytest_terminal_summary
from tests.selection import pytest_addoption as pytest_addoption
from tests.selection import pytest_collection_modifyitems as pytest_collection_modifyitems
from tests.selection import pytest_configure as pytest_configure

# These import GEOS and GDAL; they run if TEST_ENGINE is the PostGIS one.
collect_ignore = [] if settings.POSTGIS else ["gis"]
if "PG_BOUNCER" not in os.environ:  # the path of its binary
    collect_ignore.append("pooler")
if "WORKS_WITH" not in os.environ:  # each needs other packages; the tox environments works-… have them
    collect_ignore.append("works_with")

# Ctrl-C is ignored in the background of a script, also by the processes started there.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

aliases = (f"test{number}" for number in itertools.count(1))


@pytest.fixture(scope="session")
def server_major() -> int:
    """Return the major version of the server under test."""
    with closing(databases.open_session()) as session, session.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        return int(cursor.fetchone()[0]) // 10000


@pytest.fixture
def make_connection(django_db_blocker: Any) -> Iterator[Callable[..., BaseDatabaseWrapper]]:
    """make_connection(engine, name=…, **options): a Django connection, by default ours to a new empty database.

    `name` is the name of an existing database, for example `database.settings_dict["NAME"]`. Options in capitals are
    keys of DATABASES (AUTOCOMMIT, CONN_MAX_AGE, ZERO_DOWNTIME_MIGRATIONS …), the others go into OPTIONS (`pool=True`).
    `connections[connection.alias]` is the connection; in another thread it is the thread's own to the same database.
    """
    with ExitStack() as cleanup, django_db_blocker.unblock():

        def make(engine: str = settings.ENGINE, *, name: str | None = None, **options: Any) -> BaseDatabaseWrapper:
            alias = next(aliases)
            parameters = copy.deepcopy(connections.settings["default"])
            parameters["ENGINE"] = engine
            parameters["NAME"] = name or cleanup.enter_context(databases.fresh_database())
            for key, value in options.items():
                (parameters if key.isupper() else parameters["OPTIONS"])[key] = value
            return cleanup.enter_context(databases.registered(alias, parameters))

        yield make


@pytest.fixture
def database(make_connection: Callable[..., BaseDatabaseWrapper]) -> BaseDatabaseWrapper:
    """Our engine on a new empty database."""
    return make_connection()


@pytest.fixture
def stock_database(make_connection: Callable[..., BaseDatabaseWrapper]) -> BaseDatabaseWrapper:
    """Django's own engine on a new empty database, which differs from the database of `database`."""
    return make_connection(settings.STOCK_ENGINE)


@pytest.fixture
def open_session(database: BaseDatabaseWrapper) -> Iterator[Callable[..., Any]]:
    """open_session(connection, autocommit=False): a new driver connection, by default to the database of `database`."""
    with ExitStack() as cleanup:

        def make(connection: BaseDatabaseWrapper = database, *, autocommit: bool = False) -> Any:
            session = databases.open_session(connection.settings_dict["NAME"], autocommit=autocommit)
            return cleanup.enter_context(closing(session))

        yield make


@pytest.fixture
def other_session(open_session: Callable[..., Any]) -> Any:
    """Another session in the database of `database`, which takes locks and gets in the way; not in autocommit mode."""
    return open_session()


@pytest.fixture
def dump() -> Callable[..., str]:
    """dump(connection): its schema as a normalised `pg_dump --schema-only`, to be compared with another one."""

    def dump_schema(connection: BaseDatabaseWrapper, *args: str) -> str:
        server = settings.DATABASE_URL.rsplit("/", 1)[0]
        return launch.pg_dump(f"{server}/{connection.settings_dict['NAME']}", "--schema-only", *args)

    return dump_schema
