"""Clients write while a type changes online: every row is what they have written, and none gets an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import migrations, models
from django.db.models.functions import Random

from django_zero_downtime_migrations.compat import has_db_default
from tests.backends.project import Shop
from tests.backends.sessions import wait_until

from .online import BIG, LEFT, Client, assert_changed, assert_rows, clients


def test_clients_write_meanwhile_and_get_no_error(books: Shop, open_session: Callable[..., Any]) -> None:
    with clients(open_session) as writing:
        wait_until(lambda: all(client.written for client in writing), "every client has written")
        books.migrate(BIG)
        written = [client.written for client in writing]
        wait_until(lambda: all(c.written > w for c, w in zip(writing, written, strict=True)), "they go on")

    assert_rows(books, writing)
    assert_changed(books)


class Counting(Client):
    """A client that leaves the key to the sequence."""

    def _write(self) -> None:
        self._sql("INSERT INTO shop_line (name) VALUES ('x')")


@pytest.mark.parametrize("made", ["identity", "serial"])
def test_the_keys_go_on_without_a_gap_and_without_a_repeat(
    books: Shop, open_session: Callable[..., Any], made: str
) -> None:
    columns = [("id", models.AutoField(primary_key=True)), ("name", models.CharField(max_length=9))]
    books.migrate(migrations.CreateModel("line", columns))
    if made == "serial":
        books.run("ALTER TABLE shop_line ALTER COLUMN id DROP IDENTITY")
        books.run("CREATE SEQUENCE shop_line_id_seq AS integer OWNED BY shop_line.id")
        books.run("ALTER TABLE shop_line ALTER COLUMN id SET DEFAULT nextval('shop_line_id_seq')")
    books.run("INSERT INTO shop_line (name) SELECT 'x' FROM generate_series(1, 5000)")

    with clients(open_session, of=Counting) as writing:
        wait_until(lambda: all(client.written for client in writing), "every client has written")
        books.migrate(migrations.AlterField("line", "id", models.BigAutoField(primary_key=True)))
        written = [client.written for client in writing]
        wait_until(lambda: all(c.written > w for c, w in zip(writing, written, strict=True)), "they go on")

    assert [client.error for client in writing] == [None] * len(writing)
    rows = 5000 + sum(client.written for client in writing)
    assert books.run("SELECT count(*), max(id) FROM shop_line") == [(rows, rows)]
    assert books.run("SELECT pg_typeof(id)::text FROM shop_line LIMIT 1") == [("bigint",)]
    sequence = "SELECT data_type::text, last_value FROM pg_sequences WHERE sequencename = 'shop_line_id_seq'"
    assert books.run(sequence) == [("bigint", rows)]
    assert books.run(LEFT) == []


class Referring(Client):
    """A client that writes parents and their children, and deletes some."""

    def _write(self) -> None:
        key = self.chance.randint(1, 2000)
        writes: list[Callable[[], Any]] = [
            lambda: self._sql("INSERT INTO shop_parent (name) VALUES ('x')"),
            lambda: self._sql(
                "INSERT INTO shop_child (parent_id, tag) SELECT id, id FROM shop_parent WHERE id = %s FOR KEY SHARE",
                key,
            ),
            lambda: self._sql("UPDATE shop_child SET parent_id = NULL, tag = NULL WHERE id = %s", key),
            lambda: self._sql("DELETE FROM shop_child WHERE parent_id = %s", key),
            self._delete_a_parent,
        ]
        self.chance.choice(writes)()

    def _delete_a_parent(self) -> None:
        """Delete a parent as Django does it: its children first."""
        key = self.chance.randint(1, 2000)
        self._sql("SELECT FROM shop_parent WHERE id = %s FOR UPDATE", key)
        self._sql("DELETE FROM shop_child WHERE parent_id = %s", key)
        self._sql("DELETE FROM shop_parent WHERE id = %s", key)


def test_children_refer_to_a_key_that_changes_meanwhile(books: Shop, open_session: Callable[..., Any]) -> None:
    key, name = models.AutoField(primary_key=True), models.CharField(max_length=9)
    refers = models.ForeignKey("shop.parent", models.CASCADE, null=True)
    books.migrate(migrations.CreateModel("parent", [("id", key), ("name", name)]))
    child = [("id", models.BigAutoField(primary_key=True)), ("parent", refers), ("tag", models.IntegerField(null=True))]
    books.migrate(migrations.CreateModel("child", child))
    books.run("INSERT INTO shop_parent (name) SELECT 'x' FROM generate_series(1, 3000)")
    books.run("INSERT INTO shop_child (parent_id, tag) SELECT n, n FROM generate_series(1, 3000) n")

    with clients(open_session, of=Referring) as writing:
        wait_until(lambda: all(client.written for client in writing), "every client has written")
        books.migrate(migrations.AlterField("parent", "id", models.BigAutoField(primary_key=True)))

    assert [client.error for client in writing] == [None] * len(writing)
    assert books.run("SELECT pg_typeof(id)::text FROM shop_parent LIMIT 1") == [("bigint",)]
    assert books.run("SELECT pg_typeof(parent_id)::text FROM shop_child LIMIT 1") == [("bigint",)]
    assert books.run("SELECT FROM shop_child WHERE parent_id IS DISTINCT FROM tag") == []
    parents = "SELECT FROM shop_parent p WHERE p.id = c.parent_id"
    assert books.run(f"SELECT FROM shop_child c WHERE parent_id IS NOT NULL AND NOT EXISTS ({parents})") == []
    assert books.run(LEFT) == []


class Adding(Client):
    """A client that does not know the new column."""

    def _write(self) -> None:
        self._sql("INSERT INTO shop_book (pages, beside) VALUES (1, 1)")


if has_db_default:

    def test_each_row_gets_a_volatile_default_of_its_own(books: Shop, open_session: Callable[..., Any]) -> None:
        file = "SELECT pg_relation_filenode('shop_book')"
        before = books.run(file)

        with clients(open_session, of=Adding) as writing:
            books.migrate(migrations.AddField("book", "token", models.FloatField(db_default=Random())))
            written = [client.written for client in writing]
            wait_until(lambda: all(c.written > w for c, w in zip(writing, written, strict=True)), "they go on")

        assert [client.error for client in writing] == [None] * len(writing)
        assert books.run(file) == before
        assert books.run("SELECT count(*) - count(DISTINCT token) FROM shop_book") == [(0,)]
