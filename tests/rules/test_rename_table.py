from __future__ import annotations

import pytest
from django.db import migrations

from django_zero_downtime_migrations.findings import Kind

from .verbs import assert_finding, assert_safe


@pytest.mark.parametrize(
    "operation, name",
    [(migrations.RenameModel("book", "volume"), "shop_volume"), (migrations.AlterModelTable("book", "tome"), "tome")],
    ids=["model", "table"],
)
def test_renamed_table(books, operation, name):
    found = assert_finding(books, "ALTER_TABLE_RENAME", operation, names=('"shop_book"', f'"{name}"'))
    assert (found.origin.app, found.kind) == ("shop", Kind.COMPATIBILITY)
    assert found.origin.model in ("book", "volume")


def test_renamed_model_that_keeps_its_table(books):
    keeping = migrations.AlterModelTable("book", "shop_book")
    assert_safe(books, keeping, migrations.RenameModel("book", "volume"))


def test_new_table_that_is_renamed(shop):
    assert_safe(shop, migrations.CreateModel("book", []), migrations.RenameModel("book", "volume"))
