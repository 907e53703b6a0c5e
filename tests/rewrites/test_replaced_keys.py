"""A key changes its type with every column that refers to it: all of them online, or all in place."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import migrations, models

from tests.backends.project import Shop

KEY = migrations.AlterField("book", "id", models.BigAutoField(primary_key=True))
BOOK = models.ForeignKey("shop.book", models.CASCADE)
#: A table of so many rows is larger than this limit, and one of a few rows smaller.
MANY, FEW, LIMIT = 20_000, 10, "500kB"
TYPES = """
SELECT c.relname::text, format_type(a.atttypid, NULL) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relname IN ('shop_book', 'shop_note', 'shop_line') AND a.attname IN ('id', 'book_id') AND a.attnum > 0
AND (c.relname = 'shop_book') = (a.attname = 'id') ORDER BY 1
"""
IN_USE = [("shop_book", "bigint"), ("shop_line", "bigint"), ("shop_note", "bigint")]


@pytest.fixture
def keys(shop: Shop, settings: Any) -> Shop:
    """A key and two columns that refer to it, without rows."""
    settings.ZERO_DOWNTIME_MIGRATIONS_ONLINE_TYPE_CHANGES = True
    settings.ZERO_DOWNTIME_MIGRATIONS_CHECK_SMALL_TABLE = LIMIT
    settings.ZERO_DOWNTIME_MIGRATIONS_BACKFILL_LOAD = 1.0
    shop.migrate(
        migrations.CreateModel("book", [("id", models.AutoField(primary_key=True)), ("title", models.TextField())]),
        migrations.CreateModel("note", [("id", models.BigAutoField(primary_key=True)), ("book", BOOK)]),
        migrations.CreateModel("line", [("id", models.BigAutoField(primary_key=True)), ("book", BOOK)]),
    )
    return shop


def fill(keys: Shop, **rows: int) -> None:
    """Give tables rows; each refers to one of the books."""
    keys.run("INSERT INTO shop_book (title) SELECT 'a title' FROM generate_series(1, %s)", rows["book"])
    for table in ("note", "line"):
        keys.run(
            f"INSERT INTO shop_{table} (book_id) SELECT 1 + n %% %s FROM generate_series(1, %s) n",
            *(rows["book"], rows[table]),
        )


@pytest.mark.parametrize("large", ["book", "note", "line"])
def test_small_tables_go_online_with_the_large_one_that_a_key_connects_them_to(
    keys: Shop, settings: Any, large: str
) -> None:
    """One that is changed in place needs one transaction with the keys, in which the large one would be rewritten."""
    settings.ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE = True
    fill(keys, **{"book": FEW, "note": FEW, "line": FEW, large: MANY})

    changed = keys.migrate(KEY)

    assert {finding.code for finding in changed.findings} == {"ONLINE_TYPE_CHANGE"}
    assert keys.run(TYPES) == IN_USE
    assert keys.run("SELECT count(*) FROM shop_note JOIN shop_book ON shop_book.id = book_id")[0][0] >= FEW


def test_small_tables_alone_are_changed_in_place(keys: Shop) -> None:
    fill(keys, book=FEW, note=FEW, line=FEW)

    with pytest.warns(match="not refused: the table is small"):
        keys.migrate(KEY)

    assert keys.run(TYPES) == IN_USE
    assert keys.run("SELECT attnum FROM pg_attribute WHERE attrelid = 'shop_book'::regclass AND attname = 'id'") == [
        (1,)
    ]


def test_a_table_that_refers_to_itself_is_one_table(keys: Shop, settings: Any) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE = True
    settings.ZERO_DOWNTIME_MIGRATIONS_CHECK_SMALL_TABLE = 0
    parent = models.ForeignKey("self", models.SET_NULL, null=True)
    keys.migrate(migrations.AddField("book", "parent", parent))
    fill(keys, book=FEW, note=FEW, line=FEW)

    keys.migrate(KEY)

    assert keys.run(TYPES) == IN_USE
