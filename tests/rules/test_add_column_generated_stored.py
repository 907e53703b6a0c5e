from __future__ import annotations

from django.db import migrations, models

from tests.operations import features

from .verbs import assert_finding, assert_safe

if features.generated:

    def added(**options):
        expression = models.F("pages") * 2
        field = models.GeneratedField(expression=expression, output_field=models.IntegerField(null=True), **options)
        return migrations.AddField("book", "sheets", field)

    def test_stored_column(books):
        names = ('"sheets"', '"shop_book"')
        found = assert_finding(books, "ADD_COLUMN_GENERATED_STORED", added(db_persist=True), names=names)
        assert (found.origin.app, found.origin.model, found.origin.field) == ("shop", "book", "sheets")

    def test_stored_column_of_a_new_table(shop):
        fields = [("id", models.BigAutoField(primary_key=True)), ("pages", models.IntegerField())]
        assert_safe(shop, migrations.CreateModel("book", fields), added(db_persist=True))

    def test_ordinary_column(books):
        assert_safe(books, migrations.AddField("book", "sheets", models.IntegerField(null=True)))


if features.virtual_generated:

    def test_virtual_column(books):
        assert_safe(books, added(db_persist=False))
