"""A table that is in use and whose column changes its type online, and clients that write to it at random."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import migrations, models
from django.db.models import Q

from django_zero_downtime_migrations.naming import UTF8
from tests.backends.project import Shop
from tests.backends.sessions import run
from tests.operations.case import check

BIG = migrations.AlterField("book", "pages", models.BigIntegerField())
ROWS = 3000
CLIENTS = 3
TYPE = "SELECT pg_typeof(pages)::text FROM shop_book LIMIT 1"
#: The column that is filled.
NEW = '"{}"'.format(UTF8.temporary("~pages", "new"))
#: What is only there while the type changes.
LEFT = """
SELECT attname FROM pg_attribute WHERE attrelid = 'shop_book'::regclass AND attname LIKE '%zdm%' AND NOT attisdropped
UNION ALL SELECT tgname FROM pg_trigger WHERE tgname LIKE '%zdm%'
UNION ALL SELECT proname FROM pg_proc WHERE proname LIKE '%zdm%'
UNION ALL SELECT conname FROM pg_constraint WHERE conname LIKE '%zdm%'
UNION ALL SELECT relname FROM pg_class WHERE relname LIKE '%zdm%'
"""


@pytest.fixture
def books(shop: Shop, settings: Any) -> Shop:
    """A table that is in use, with a column beside the one that changes, which clients give the same values."""
    settings.ZERO_DOWNTIME_MIGRATIONS_ONLINE_TYPE_CHANGES = True
    settings.ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE = True
    settings.ZERO_DOWNTIME_MIGRATIONS_BACKFILL_BATCH_TIME = "1ms"
    settings.ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT = "1s"
    settings.ZERO_DOWNTIME_MIGRATIONS_LOCK_RETRY_TIMEOUT = "50s"
    columns: list[tuple[str, models.Field[Any, Any]]] = [
        ("id", models.BigAutoField(primary_key=True)),
        ("pages", models.IntegerField(db_index=True)),
        ("beside", models.IntegerField()),
    ]
    positive = [check(Q(pages__gte=0), name="positive")]
    shop.migrate(migrations.CreateModel("book", columns, {"constraints": positive}))
    shop.run("INSERT INTO shop_book (pages, beside) SELECT n, n FROM generate_series(1, %s) n", ROWS)
    return shop


def assert_changed(books: Shop) -> None:
    assert books.run(TYPE) == [("bigint",)]
    assert books.run("SELECT id, pages, beside FROM shop_book WHERE pages IS DISTINCT FROM beside") == []
    assert books.run(LEFT) == []


class Client(threading.Thread):
    """A client that writes rows at random until it is told to stop.

    :param number: of the client, from 0: it changes only rows of its own, by their keys.
    :ivar rows: the expected values of its rows, by their keys.
    """

    def __init__(self, session: Any, number: int) -> None:
        super().__init__(daemon=True)
        self.session = session
        self.number = number
        self.chance = random.Random(number)
        self.stopped = threading.Event()
        self.written = 0
        self.error: BaseException | None = None
        self.rows = {key: key for key in range(1, ROWS + 1) if key % CLIENTS == number}
        self._next_key = 10**6 * (number + 1)

    def run(self) -> None:
        try:
            while not self.stopped.is_set():
                self._write()
                self.session.commit()
                self.written += 1
        except BaseException as error:
            self.error = error

    def _write(self) -> None:
        writes = (
            self._insert,
            self._update,
            self._update_another_column,
            self._update_by_itself,
            self._update_several,
            self._move,
            self._delete_row,
            self._copy,
            self._insert_or_update,
            self._insert_or_nothing,
            self._as_a_subscription,
        )
        self.chance.choice(writes)(self.chance.choice(list(self.rows)), self.chance.randint(0, 10**9))

    def _insert(self, key: int, value: int) -> None:
        [(made,)] = self._sql("INSERT INTO shop_book (pages, beside) VALUES (%s, %s) RETURNING id", value, value)
        self.rows[made] = value

    def _update(self, key: int, value: int) -> None:
        self._sql("UPDATE shop_book SET pages = %s, beside = %s WHERE id = %s", value, value, key)
        self.rows[key] = value

    def _update_another_column(self, key: int, value: int) -> None:
        self._sql("UPDATE shop_book SET beside = beside WHERE id = %s", key)

    def _update_by_itself(self, key: int, value: int) -> None:
        self._sql("UPDATE shop_book SET pages = pages + 1, beside = beside + 1 WHERE id = %s", key)
        self.rows[key] += 1

    def _update_several(self, key: int, value: int) -> None:
        keys = sorted(self.chance.sample(list(self.rows), 20))
        self._sql("UPDATE shop_book SET pages = %s, beside = %s WHERE id = ANY (%s)", value, value, keys)
        self.rows |= dict.fromkeys(keys, value)

    def _move(self, key: int, value: int) -> None:
        new = self._new_key()
        self._sql("UPDATE shop_book SET id = %s WHERE id = %s", new, key)
        self.rows[new] = self.rows.pop(key)

    def _delete_row(self, key: int, value: int) -> None:
        self._sql("DELETE FROM shop_book WHERE id = %s", key)
        del self.rows[key]

    def _copy(self, key: int, value: int) -> None:
        rows = {self._new_key(): value + n for n in range(3)}
        text = "".join(f"{new},{pages},{pages}\\n" for new, pages in rows.items())
        # From the client, psycopg2 takes none while another thread of its process has a long statement under way.
        self._sql(f"COPY shop_book (id, pages, beside) FROM PROGRAM 'printf \"{text}\"' (FORMAT csv)")
        self.rows |= rows

    def _insert_or_update(self, key: int, value: int) -> None:
        insert = "INSERT INTO shop_book (id, pages, beside) VALUES (%s, %s, %s) ON CONFLICT (id)"
        self._sql(f"{insert} DO UPDATE SET pages = excluded.pages, beside = excluded.beside", key, value, value)
        self.rows[key] = value

    def _insert_or_nothing(self, key: int, value: int) -> None:
        insert = "INSERT INTO shop_book (id, pages, beside) VALUES (%s, %s, %s) ON CONFLICT"
        self._sql(f"{insert} DO NOTHING", key, value, value)

    def _as_a_subscription(self, key: int, value: int) -> None:
        self._sql("SET LOCAL session_replication_role = replica")
        self._insert(key, value)
        self._update(key, value)

    def _new_key(self) -> int:
        self._next_key += 1
        return self._next_key

    def _sql(self, sql: str, *params: object) -> list[tuple[Any, ...]]:
        return run(self.session, sql, *params)


@contextmanager
def clients(open_session: Callable[..., Any], of: type[Client] = Client) -> Iterator[list[Client]]:
    made = [of(open_session(), number) for number in range(CLIENTS)]
    for client in made:
        client.start()
    try:
        yield made
    finally:
        for client in made:
            client.stopped.set()
            client.join()


def assert_rows(books: Shop, writing: list[Client]) -> None:
    """Each client has got no error, and what it has written is there, with nothing beside."""
    assert [client.error for client in writing] == [None] * len(writing)
    expected = {key: value for client in writing for key, value in client.rows.items()}
    assert dict(books.run("SELECT id, pages FROM shop_book")) == expected
