from __future__ import annotations

import pytest
from django.db import IntegrityError, migrations, models

from tests.operations import features

from .verbs import assert_checked, assert_passes

#: What code that leaves the column to the database sends.
INSERT = "INSERT INTO shop_book (title) VALUES ('new')"


def test_key_that_the_database_numbers(books):
    """The code before leaves the key out."""
    plain = migrations.AlterField("book", "id", models.BigIntegerField(primary_key=True))

    assert_checked(books, "DROP_DEFAULT", [plain], names=('"id"', '"shop_book"', "leaves it to the database"))

    with pytest.raises(IntegrityError, match='null value in column "id"'):
        books.run(INSERT)


def test_default_with_which_django_fills_the_rows(books):
    """The default is dropped within the same call, and the code before writes the column."""
    assert_passes(books, [migrations.AlterField("book", "title", models.CharField(max_length=20, default="none"))])


if features.db_default:
    RANK = models.IntegerField(db_default=1)
    WITHOUT = models.IntegerField(default=1)

    def rank(operation, field):
        return operation("book", "rank", field)

    def test_default_of_a_column_that_the_code_before_leaves_out(books):
        books.migrate(rank(migrations.AddField, RANK))

        assert_checked(books, "DROP_DEFAULT", [rank(migrations.AlterField, WITHOUT)], names=('"rank"', '"shop_book"'))

        with pytest.raises(IntegrityError, match='null value in column "rank"'):
            books.run(INSERT)

    def test_default_of_a_column_that_the_code_before_does_not_know(books):
        assert_checked(
            books,
            "DROP_DEFAULT",
            [rank(migrations.AddField, RANK), rank(migrations.AlterField, WITHOUT)],
            names=("does not know the column",),
        )
        with pytest.raises(IntegrityError, match='null value in column "rank"'):
            books.run(INSERT)

    def test_default_that_the_code_before_has_forgotten(books):
        """Its models write a value themselves."""
        books.migrate(rank(migrations.AddField, RANK))
        forget = migrations.SeparateDatabaseAndState(state_operations=[rank(migrations.AlterField, WITHOUT)])
        assert_passes(books, [forget])
        again = migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL("ALTER TABLE shop_book ALTER COLUMN rank DROP DEFAULT")]
        )
        assert_passes(books, [again])

    def test_default_of_a_column_that_takes_null(books):
        null = models.IntegerField(null=True, db_default=1)
        books.migrate(rank(migrations.AddField, null))
        assert_passes(books, [rank(migrations.AlterField, models.IntegerField(null=True))])
        books.run(INSERT)

    def test_column_that_becomes_null_as_its_default_goes(books):
        books.migrate(rank(migrations.AddField, RANK))
        assert_passes(books, [rank(migrations.AlterField, models.IntegerField(null=True))])
        books.run(INSERT)

    def test_table_that_the_deployment_makes(books):
        made = migrations.CreateModel("shelf", [("id", models.BigAutoField(primary_key=True)), ("rank", RANK)])
        assert_passes(books, [made, migrations.AlterField("shelf", "rank", WITHOUT)])
