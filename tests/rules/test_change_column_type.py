from __future__ import annotations

import pytest
from django.db import migrations, models

from django_zero_downtime_migrations.errors import CannotMigrate
from django_zero_downtime_migrations.locks import LockMode

from .verbs import assert_finding, assert_safe

LONGER = migrations.AlterField("book", "title", models.CharField(max_length=30))


def test_type_of_another_size(books):
    bigger = migrations.AlterField("book", "pages", models.BigIntegerField(null=True))
    names = ('"pages"', '"shop_book"', "integer", "bigint", "rewritten")
    found = assert_finding(books, "ALTER_COLUMN_TYPE", bigger, names=names)
    assert (found.origin.app, found.origin.model, found.origin.field) == ("shop", "book", "pages")
    assert found.lock is LockMode.ACCESS_EXCLUSIVE


def test_shorter_column(books):
    shorter = migrations.AlterField("book", "title", models.CharField(max_length=10))
    assert_finding(books, "ALTER_COLUMN_TYPE", shorter, names=('"title"', "varying(20)", "varchar(10)"))


def test_longer_column(books):
    assert_safe(books, LONGER)


def test_longer_column_with_an_index_over_an_expression(books):
    books.run("CREATE INDEX by_upper ON shop_book (upper(title))")
    assert_finding(books, "ALTER_COLUMN_TYPE", LONGER, names=('"title"', "indexes are rebuilt", "by_upper"))


def test_longer_column_with_a_check(books):
    books.run("ALTER TABLE shop_book ADD CONSTRAINT named CHECK (title <> '')")
    assert_finding(books, "ALTER_COLUMN_TYPE", LONGER, names=('"title"', "scanned", "named"))


def test_collation_of_an_indexed_column(books):
    books.run("CREATE INDEX by_title ON shop_book (title)")
    collated = migrations.AlterField("book", "title", models.CharField(max_length=20, db_collation="C"))
    assert_finding(books, "ALTER_COLUMN_TYPE", collated, names=('"title"', "indexes are rebuilt"))


def test_longer_column_that_a_view_reads(books):
    books.run("CREATE VIEW titles AS SELECT title FROM shop_book")
    with pytest.raises(CannotMigrate, match=r'"title" of "shop_book" cannot become varchar\(30\).*titles') as caught:
        books.migrate(LONGER)
    assert "nothing was changed" in str(caught.value)


def test_type_of_a_column_of_a_new_table(shop):
    fields = [("id", models.BigAutoField(primary_key=True)), ("pages", models.IntegerField())]
    bigger = migrations.AlterField("book", "pages", models.BigIntegerField())
    assert_safe(shop, migrations.CreateModel("book", fields), bigger)


class ViaFunction(migrations.AlterField):
    """A clause of which nothing is known."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        sql = schema_editor.sql_alter_column_type + " USING length(title)"
        schema_editor.sql_alter_column_type = sql
        changes = schema_editor.sql_alter_column_type % {"column": '"title"', "type": "integer", "collation": ""}
        schema_editor.execute(schema_editor.sql_alter_column % {"table": '"shop_book"', "changes": changes})


def test_type_with_a_clause_that_we_do_not_know(books):
    operation = ViaFunction("book", "title", models.IntegerField())
    assert_finding(books, "ALTER_COLUMN_TYPE", operation, names=('"shop_book"', '"title"', "USING length(title)"))
