from __future__ import annotations

from django.db import migrations, models

from django_zero_downtime_migrations.findings import Kind

from .verbs import assert_finding, assert_safe


def test_renamed_field(books):
    names = ('"pages"', '"sheets"', '"shop_book"')
    renamed = migrations.RenameField("book", "pages", "sheets")
    found = assert_finding(books, "ALTER_TABLE_RENAME_COLUMN", renamed, names=names)
    assert (found.origin.app, found.origin.model, found.origin.field) == ("shop", "book", "sheets")
    assert found.kind is Kind.COMPATIBILITY


def test_renamed_field_that_keeps_its_column(books):
    keeping = migrations.AlterField("book", "pages", models.IntegerField(null=True, db_column="pages"))
    assert_safe(books, keeping, migrations.RenameField("book", "pages", "sheets"))


def test_renamed_field_of_a_new_table(shop):
    fields = [("id", models.BigAutoField(primary_key=True)), ("pages", models.IntegerField())]
    assert_safe(shop, migrations.CreateModel("book", fields), migrations.RenameField("book", "pages", "sheets"))
