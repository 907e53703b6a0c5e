"""Changes of type that are done online, through PgBouncer that pools transactions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import migrations, models

from django_zero_downtime_migrations.errors import CannotMigrate
from tests.backends.project import Shop, Site
from tests.backends.sessions import run

ID = ("id", models.BigAutoField(primary_key=True))
BOOK = migrations.CreateModel(
    "book", [ID, ("pages", models.IntegerField()), ("rank", models.IntegerField(db_index=True))]
)
ROWS = "INSERT INTO shop_book (pages, rank) SELECT n, n FROM generate_series(1, 5000) n"
ADDED = migrations.AddField("book", "later", models.IntegerField(null=True))
PLAIN = migrations.AlterField("book", "pages", models.BigIntegerField())
INDEXED = migrations.AlterField("book", "rank", models.BigIntegerField(db_index=True))
TYPES = "SELECT pg_typeof(pages)::text, pg_typeof(rank)::text, count(*) FROM shop_book GROUP BY 1, 2"


@pytest.fixture
def books(pooled: Callable[..., Shop], settings: Any) -> Shop:
    settings.ZERO_DOWNTIME_MIGRATIONS_ONLINE_TYPE_CHANGES = True
    settings.ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE = True
    shop = pooled("transaction", server_round_robin=1, min_pool_size=4)
    shop.migrate(BOOK)
    shop.run(ROWS)
    return shop


def test_a_column_with_an_index_is_refused_before_the_first_step(books: Shop, dump: Any) -> None:
    before = dump(books.connection)

    with pytest.raises(CannotMigrate, match="gives each transaction a server connection of its own") as caught:
        books.migrate(INDEXED)

    assert dump(books.connection) == before
    assert "CONCURRENTLY" in str(caught.value).partition("Nothing of this was sent:")[2]


def test_a_column_without_one_is_replaced(books: Shop) -> None:
    books.migrate(PLAIN)

    assert books.run(TYPES) == [("bigint", "integer", 5000)]
    assert books.run("SELECT count(*) FROM shop_book WHERE pages <> rank") == [(0,)]
    assert books.run("SELECT current_setting('session_replication_role'), current_setting('lock_timeout')") == [
        ("origin", "0")
    ]


def test_the_whole_run_is_refused_before_its_first_statement(
    pooled: Callable[..., Shop], site: Site, observer: Any
) -> None:
    site.settings["INSTALLED_APPS"] = ["django_zero_downtime_migrations", "shop"]
    wanted = {"ONLINE_TYPE_CHANGES": True, "RAISE_FOR_UNSAFE": True}
    site.settings |= {f"ZERO_DOWNTIME_MIGRATIONS_{name}": value for name, value in wanted.items()}
    site.add(BOOK)
    site.migrate()
    run(observer, ROWS)
    direct = site.database["PORT"]
    site.database |= {"HOST": "127.0.0.1", "PORT": pooled("transaction").connection.settings_dict["PORT"]}
    site.add(ADDED)
    site.add(INDEXED)

    said = site.refused()

    assert f"AlterField (shop.{site.names[-1]})" in said
    assert "Nothing has been applied. 1 operation is refused:" in said
    made = "attname = 'later' OR attname LIKE '%zdm%'"
    columns = f"SELECT 1 FROM pg_attribute WHERE attrelid = 'shop_book'::regclass AND ({made})"
    assert run(observer, columns) == []
    site.database["PORT"] = direct
    site.migrate()
    assert run(observer, TYPES) == [("integer", "bigint", 5000)]
