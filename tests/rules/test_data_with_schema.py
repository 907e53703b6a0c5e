from __future__ import annotations

import pytest
from django.db import migrations, models

from tests.commands.judged import check, codes

from .verbs import assert_checked, assert_passes

ADDED = migrations.AddField("book", "rank", models.IntegerField(null=True))
UPDATE = "UPDATE shop_book SET pages = 1"


def fill(apps, schema_editor):
    apps.get_model("shop", "Book").objects.using(schema_editor.connection.alias).update(pages=1)


def fill_by_label(apps, schema_editor):
    apps.get_model("shop.Book").objects.using(schema_editor.connection.alias).update(pages=1)


@pytest.mark.parametrize("function", [fill, fill_by_label])
def test_python_that_gets_the_model_of_the_table(books, function):
    filled = migrations.RunPython(function, migrations.RunPython.noop)
    assert_checked(books, "DATA_WITH_SCHEMA", [ADDED, filled], names=('"shop_book"',))


@pytest.mark.parametrize(
    "sql",
    [
        UPDATE,
        'update only "shop_book" set pages = 1',
        "DELETE FROM public.shop_book",
        "SELECT 1; INSERT INTO shop_book (title) VALUES ('a')",
        ["SELECT 1", UPDATE],
        [("UPDATE shop_book SET pages = %s", [1])],
    ],
    ids=str,
)
def test_sql_that_changes_rows_of_the_table(books, sql):
    assert "DATA_WITH_SCHEMA" in codes(check(books, [ADDED, migrations.RunSQL(sql)]))


def test_rows_and_table_in_two_migrations(books):
    found = check(books, [ADDED], [migrations.RunPython(fill, migrations.RunPython.noop)])
    assert codes(found) == []


def test_rows_of_another_table(books):
    shelf = migrations.CreateModel("shelf", [("id", models.BigAutoField(primary_key=True))])
    books.migrate(shelf)
    assert_passes(
        books,
        [
            migrations.AddField("shelf", "rank", models.IntegerField(null=True)),
            migrations.RunPython(fill, migrations.RunPython.noop),
        ],
    )


def test_rows_of_a_table_that_the_migration_makes(shop):
    made = migrations.CreateModel(
        "book", [("id", models.BigAutoField(primary_key=True)), ("pages", models.IntegerField(null=True))]
    )
    assert_passes(shop, [made, migrations.RunPython(fill, migrations.RunPython.noop), ADDED])
