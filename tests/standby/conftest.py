"""A primary and a hot standby that confirms what it has replayed, both of this test folder alone."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connections

from servers import launch
from servers.standby import standby
from tests import databases
from tests.backends.project import Shop
from tests.backends.sessions import run, wait_until

REPLAYED = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"


class Pair(NamedTuple):
    """A primary and its standby.

    :param open_session: open_session(server): a connection of the driver in autocommit mode.
    """

    primary: launch.Server
    standby: launch.Server
    open_session: Callable[[launch.Server], Any]

    def caught_up(self, primary: Any, standby: Any) -> None:
        """Wait until the standby has replayed all that the primary has written."""
        [(position,)] = run(primary, "SELECT pg_current_wal_flush_lsn()")
        wait_until(lambda: run(standby, REPLAYED, str(position)) == [(True,)], "the standby catches up")


def open_session(server: launch.Server) -> Any:
    session = databases.driver.connect(server.url)
    session.autocommit = True
    return session


@pytest.fixture(scope="module")
def servers(server_major: int) -> Iterator[Pair]:
    options = {"synchronous_commit": "remote_apply", "deadlock_timeout": "1s"}
    with (
        launch.server(server_major, options=options) as primary,
        closing(open_session(primary)) as session,
        standby(primary, session) as follower,
    ):
        yield Pair(primary, follower, open_session)


@pytest.fixture
def primary(servers: Pair) -> Iterator[Any]:
    with closing(open_session(servers.primary)) as session:
        yield session


@pytest.fixture
def follower(servers: Pair) -> Iterator[Any]:
    with closing(open_session(servers.standby)) as session:
        yield session
        run(session, "SELECT pg_wal_replay_resume()")


@contextmanager
def database_of(server: launch.Server, alias: str, **more: Any) -> Iterator[Any]:
    parameters = copy.deepcopy(connections.settings["default"])
    where = urlsplit(server.url)
    parameters.update(ENGINE=settings.ENGINE, NAME="postgres", USER="postgres", HOST=where.hostname, PORT=where.port)
    parameters.update(more)
    with databases.registered(alias, parameters) as connection:
        yield connection


@pytest.fixture
def books(servers: Pair, primary: Any, django_db_blocker: Any) -> Iterator[Shop]:
    """An app on the primary, before any session waits for the standby."""
    run(primary, "DROP SCHEMA public CASCADE")
    run(primary, "CREATE SCHEMA public")
    with django_db_blocker.unblock(), database_of(servers.primary, "primary") as connection:
        yield Shop(connection)
    run(primary, "ALTER SYSTEM RESET synchronous_standby_names")
    run(primary, "SELECT pg_reload_conf()")


@pytest.fixture
def stands_still(servers: Pair, primary: Any, follower: Any) -> Callable[[], None]:
    """stands_still(): every commit of the primary waits for the standby from now on, which replays nothing."""

    def begin() -> None:
        servers.caught_up(primary, follower)
        run(primary, "ALTER SYSTEM SET synchronous_standby_names = '*'")
        run(primary, "SELECT pg_reload_conf()")
        sync = "SELECT sync_state FROM pg_stat_replication"
        wait_until(lambda: run(primary, sync) == [("sync",)], "the standby is synchronous")
        run(follower, "SELECT pg_wal_replay_pause()")
        paused = "SELECT pg_get_wal_replay_pause_state()"
        wait_until(lambda: run(follower, paused) == [("paused",)], "the replay is paused")

    return begin
