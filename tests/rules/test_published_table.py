"""The subscriber is a real one: it stops where the finding says so, and goes on when it has what it lacked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from django.db import migrations, models
from django.db.models import Q

from django_zero_downtime_migrations.findings import Severity
from django_zero_downtime_migrations.operations import Backfill
from servers import launch
from tests import databases
from tests.backends.project import Shop
from tests.backends.sessions import run, wait_until
from tests.commands.judged import check

from .conftest import in_use
from .verbs import assert_checked, assert_finding, assert_safe

ADD = migrations.AddField("book", "rank", models.IntegerField(null=True))
BACKFILL = Backfill("book", {"pages": 100}, where=Q(pages__lt=21))
#: What the publisher would send of the rows that an UPDATE has written.
SENT = "SELECT count(*) FROM pg_logical_slot_peek_changes('looked_at', NULL, NULL) WHERE data ~ 'shop_book: UPDATE'"


@pytest.fixture
def published(books: Shop) -> Shop:
    books.run("CREATE PUBLICATION changes FOR TABLE shop_book")
    return books


def test_new_column(published: Shop) -> None:
    names = ("publication changes", 'column "rank" of "shop_book"')
    assert assert_checked(published, "PUBLISHED_TABLE", [ADD], names=names).severity is Severity.WARN


def test_rows_that_are_filled(published: Shop) -> None:
    names = ('each row of "shop_book"', "subscribers of publication changes")
    assert_finding(published, "PUBLISHED_TABLE", BACKFILL, names=names)


def test_rows_that_are_filled_before_not_null(published: Shop) -> None:
    not_null = migrations.AlterField("book", "pages", models.IntegerField(default=7))
    assert_finding(published, "PUBLISHED_TABLE", not_null, names=('each row of "shop_book"',))


@pytest.mark.parametrize(
    ("operation", "code", "lacks"),
    [
        (migrations.RenameField("book", "pages", "sheets"), "ALTER_TABLE_RENAME_COLUMN", 'column "sheets"'),
        (migrations.RenameModel("book", "volume"), "ALTER_TABLE_RENAME", 'table "shop_volume"'),
    ],
)
def test_other_name(published: Shop, operation: Any, code: str, lacks: str) -> None:
    found = {entry.finding.code: entry.finding for entry in check(published, [operation]).entries}
    assert set(found) == {code, "PUBLISHED_TABLE"}
    assert lacks in found["PUBLISHED_TABLE"].message


def test_publication_of_a_partition(books: Shop) -> None:
    books.run(
        "CREATE TABLE parted (id bigint, pages integer, title varchar(20)) PARTITION BY RANGE (id);"
        "CREATE TABLE part PARTITION OF parted DEFAULT; DROP TABLE shop_book; ALTER TABLE parted RENAME TO shop_book;"
        "CREATE PUBLICATION of_part FOR TABLE part"
    )
    assert_checked(books, "PUBLISHED_TABLE", [ADD], names=("publication of_part",))


def test_table_that_is_not_published(books: Shop) -> None:
    books.run("CREATE TABLE other (id bigint PRIMARY KEY); CREATE PUBLICATION changes FOR TABLE other")
    assert_safe(books, ADD, BACKFILL)


def test_publication_that_sends_no_updates(books: Shop) -> None:
    books.run("CREATE PUBLICATION inserted FOR TABLE shop_book WITH (publish = 'insert')")
    assert_safe(books, BACKFILL)


def test_removed_column(published: Shop) -> None:
    """A subscriber may have columns that are not sent to it."""
    assert_safe(published, migrations.RemoveField("book", "pages"))


class Replication:
    """The databases `published` and `subscribed` of one server."""

    def __init__(self, server: launch.Server, make: Callable[..., Any], cleanup: ExitStack) -> None:
        self.port = server.url.rpartition(":")[2].partition("/")[0]
        self.cleanup = cleanup
        admin = self.open("postgres")
        for name in ("published", "subscribed"):
            run(admin, f"CREATE DATABASE {name}")
        self.publisher, self.subscriber = self.open("published"), self.open("subscribed")
        where = {"HOST": "127.0.0.1", "PORT": self.port, "USER": "postgres", "PASSWORD": ""}
        self.books = in_use(Shop(make(name="published", **where)))
        run(self.subscriber, "CREATE TABLE shop_book (id bigint PRIMARY KEY, pages integer, title varchar(20))")
        run(self.publisher, "CREATE PUBLICATION changes FOR TABLE shop_book")
        for slot, plugin in (("changes", "pgoutput"), ("looked_at", "test_decoding")):
            run(self.publisher, f"SELECT pg_create_logical_replication_slot('{slot}', '{plugin}')")
        source = f"host=127.0.0.1 port={self.port} user=postgres dbname=published"
        run(
            self.subscriber,
            f"CREATE SUBSCRIPTION changes CONNECTION '{source}' PUBLICATION changes WITH (create_slot = false)",
        )

    def open(self, name: str) -> Any:
        session = databases.driver.connect(f"host=127.0.0.1 port={self.port} user=postgres dbname={name}")
        session.autocommit = True
        return self.cleanup.enter_context(closing(session))

    def worker(self) -> list[Any]:
        """The process that applies what comes; without those that copy a table at the beginning."""
        return run(self.subscriber, "SELECT pid FROM pg_stat_subscription WHERE relid IS NULL AND pid IS NOT NULL")

    def has(self, key: int) -> bool:
        return bool(run(self.subscriber, "SELECT 1 FROM shop_book WHERE id = %s", key))

    def arrives(self, key: int) -> None:
        wait_until(lambda: self.has(key), f"row {key} arrives")


@pytest.fixture
def replication(server_major: int, make_connection: Callable[..., Any]) -> Iterator[Replication]:
    with launch.server(server_major, options={"wal_level": "logical"}) as server, ExitStack() as cleanup:
        made = Replication(server, make_connection, cleanup)
        yield made
        made.books.connection.close()


def test_what_a_subscriber_lacks_and_what_it_is_sent(replication: Replication) -> None:
    replication.arrives(50)
    worker = replication.worker()

    with pytest.warns(match="published table"):
        replication.books.migrate(BACKFILL)
    wait_until(lambda: run(replication.publisher, SENT) == [(20,)], "each of the 20 rows is sent")

    replication.books.migrate(ADD)
    run(replication.publisher, "INSERT INTO shop_book (id, title) VALUES (1000, '')")
    wait_until(lambda: replication.worker() != worker, "the subscriber's worker ends with an error")
    assert not replication.has(1000)

    run(replication.subscriber, "ALTER TABLE shop_book ADD rank integer")
    replication.arrives(1000)
