from __future__ import annotations

from django.db import migrations, models

from django_zero_downtime_migrations.findings import Severity

from .verbs import assert_finding, assert_safe

FILLED = migrations.AlterField("book", "pages", models.IntegerField(default=7))


def count_as(books, rows, nulls):
    """The statistics of the table say that it has so many rows, and this part of them NULL in the column."""
    books.run("UPDATE shop_book SET pages = NULL WHERE id <= %s", 50 * nulls)
    books.run("ANALYZE shop_book")
    books.run("UPDATE pg_class SET reltuples = %s WHERE oid = 'shop_book'::regclass", rows)


def test_fill_of_many_rows(books):
    count_as(books, rows=4_000_000, nulls=0.5)
    found = assert_finding(books, "FILL_LARGE_TABLE", FILLED, names=("2,000,000", '"shop_book"'))
    assert (found.origin.app, found.origin.model, found.origin.field) == ("shop", "book", "pages")
    assert found.severity is Severity.WARN


def test_fill_of_few_rows_of_a_large_table(books):
    count_as(books, rows=4_000_000, nulls=0.1)
    assert_safe(books, FILLED)


def test_not_null_without_a_fill(books):
    count_as(books, rows=4_000_000, nulls=0)
    assert_safe(books, migrations.AlterField("book", "pages", models.IntegerField()))


def test_fill_of_a_small_table(books):
    assert_safe(books, FILLED)
