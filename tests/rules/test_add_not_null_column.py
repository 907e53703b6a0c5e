from __future__ import annotations

import pytest
from django.db import migrations, models

from django_zero_downtime_migrations.errors import UnsafeOperationWarning
from django_zero_downtime_migrations.findings import Kind, Origin
from django_zero_downtime_migrations.locks import LockMode
from tests.operations import features

from .verbs import assert_finding, assert_safe


def added(field):
    return migrations.AddField("book", "rank", field)


@pytest.mark.parametrize(
    "field",
    [models.IntegerField(default=0), models.CharField(max_length=5, default="", blank=True)],
    ids=["integer", "text"],
)
def test_not_null_column_with_a_python_default(books, field):
    found = assert_finding(books, "ADD_COLUMN_NOT_NULL", added(field), names=('"rank"', '"shop_book"'))
    assert (found.origin.app, found.origin.model, found.origin.field) == ("shop", "book", "rank")
    assert "%s" not in found.sql and "DEFAULT " in found.sql
    assert (found.table, found.lock, found.kind) == ('"shop_book"', LockMode.ACCESS_EXCLUSIVE, Kind.COMPATIBILITY)


def test_place_of_the_operation_in_its_migration(books):
    nullable = migrations.AddField("book", "one", models.IntegerField(null=True))
    with pytest.warns(UnsafeOperationWarning, match="shop.book.rank"):
        (found,) = books.migrate(nullable, added(models.IntegerField(default=0))).findings
    assert found.origin == Origin(app="shop", model="book", field="rank", operation=1)


def test_nullable_column(books):
    assert_safe(books, added(models.IntegerField(null=True)))


def test_nullable_column_with_a_default(books):
    assert_safe(books, added(models.IntegerField(null=True, default=7)))


def test_not_null_column_of_a_new_table(shop):
    assert_safe(shop, migrations.CreateModel("book", []), added(models.IntegerField(default=0)))


if features.db_default:

    def test_not_null_column_with_a_database_default(books):
        assert_safe(books, added(models.IntegerField(db_default=0)))

    def test_not_null_column_with_both_defaults(books):
        assert_safe(books, added(models.IntegerField(db_default=0, default=1)))
