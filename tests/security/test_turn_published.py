"""A subscriber to all tables gets nothing of the turn, which would be a table that it does not have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from django_zero_downtime_migrations.execution.one_migrate.advisory import find_place
from django_zero_downtime_migrations.execution.one_migrate.lease import LeaseTurn
from django_zero_downtime_migrations.execution.one_migrate.one_at_a_time import take_turn
from django_zero_downtime_migrations.execution.one_migrate.turn import Turn
from servers import launch
from tests import databases
from tests.backends.sessions import run, wait_until

BOOK = "CREATE TABLE book (id int PRIMARY KEY)"
BOOKS = "SELECT id FROM book ORDER BY id"
#: Without those that copy a table at the beginning.
WORKER = "SELECT pid FROM pg_stat_subscription WHERE relid IS NULL"
#: What the publisher has logged for the slot and would send: transactions that changed nothing are empty.
CHANGES = "SELECT data FROM pg_logical_slot_peek_changes('looked_at', NULL, NULL) WHERE data !~ '^(BEGIN|COMMIT)'"


class Replication:
    """The databases `published` and `subscribed` of one server."""

    def __init__(self, server: launch.Server, make: Callable[..., BaseDatabaseWrapper], cleanup: ExitStack) -> None:
        self.port = server.url.rpartition(":")[2].partition("/")[0]
        self._make, self._cleanup = make, cleanup
        admin = self.open("postgres")
        for name in ("published", "subscribed"):
            run(admin, f"CREATE DATABASE {name}")
        self.published, self.subscribed = self.open("published"), self.open("subscribed")
        run(self.published, BOOK)
        run(self.subscribed, BOOK)

    def open(self, name: str) -> Any:
        session = databases.driver.connect(f"host=127.0.0.1 port={self.port} user=postgres dbname={name}")
        session.autocommit = True
        return self._cleanup.enter_context(closing(session))

    def connect(self) -> BaseDatabaseWrapper:
        return self._make(name="published", HOST="127.0.0.1", PORT=self.port, USER="postgres", PASSWORD="")

    def publish(self, what: str) -> None:
        run(self.published, f"CREATE PUBLICATION p {what}")
        run(self.published, "SELECT pg_create_logical_replication_slot('s', 'pgoutput')")
        run(self.published, "SELECT pg_create_logical_replication_slot('looked_at', 'test_decoding')")
        where = f"host=127.0.0.1 port={self.port} user=postgres dbname=published"
        run(self.subscribed, f"CREATE SUBSCRIPTION s CONNECTION '{where}' PUBLICATION p WITH (create_slot = false)")
        self.arrives(1)

    def arrives(self, number: int) -> None:
        run(self.published, "INSERT INTO book VALUES (%s)", number)
        wait_until(lambda: (number,) in run(self.subscribed, BOOKS), f"book {number} arrives")


@pytest.fixture
def replication(server_major: int, make_connection: Callable[..., Any]) -> Iterator[Replication]:
    with launch.server(server_major, options={"wal_level": "logical"}) as server, ExitStack() as cleanup:
        yield Replication(server, make_connection, cleanup)


def by_session(connection: BaseDatabaseWrapper) -> Turn:
    return take_turn(connection, 0)


def by_lease(connection: BaseDatabaseWrapper) -> Turn:
    turn = LeaseTurn(connection, find_place(connection))
    turn.wait(0)
    return turn


@pytest.mark.parametrize("take", [by_session, by_lease], ids=["session", "lease"])
def test_the_turn_is_nothing_to_a_subscriber(replication: Replication, take: Callable[..., Turn]) -> None:
    replication.publish("FOR ALL TABLES")
    [before] = run(replication.subscribed, WORKER)
    connection = replication.connect()
    turn = take(connection)
    turn.renew()
    turn.release()
    assert len(run(replication.published, CHANGES)) == 1
    replication.arrives(2)
    assert [before] == run(replication.subscribed, WORKER)
    connection.close()
