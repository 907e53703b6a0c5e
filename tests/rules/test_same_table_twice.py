from __future__ import annotations

from django.db import migrations, models

from .verbs import assert_checked, assert_passes

RANK = migrations.AddField("book", "rank", models.IntegerField(null=True))
SIZE = migrations.AddField("book", "size", models.IntegerField(null=True))


def test_two_migrations_of_one_table(books):
    found = assert_checked(books, "SAME_TABLE_TWICE", [RANK], [SIZE], names=('"shop_book"', "shop.0002"))
    assert found.origin.migration == "0003"


def test_one_migration(books):
    assert_passes(books, [RANK, SIZE])


def test_table_that_the_deployment_makes(shop):
    made = migrations.CreateModel("book", [("id", models.BigAutoField(primary_key=True))])
    assert_passes(shop, [made], [RANK], [SIZE])
