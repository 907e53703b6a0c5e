from __future__ import annotations

import pytest
from django.db import IntegrityError, migrations, models

from tests.commands.judged import check, codes
from tests.operations import features

from .verbs import assert_checked, assert_passes

REMOVED = migrations.RemoveField("book", "title")
FORGET = migrations.SeparateDatabaseAndState(state_operations=[REMOVED])
TITLE = models.CharField(max_length=20)
NULL = migrations.AlterField("book", "title", models.CharField(max_length=20, null=True))
#: What the new code sends.
INSERT = "INSERT INTO shop_book (pages) VALUES (1)"


def test_column_that_stays_not_null(books):
    """The new code cannot insert any more."""
    found = assert_checked(books, "FORGOTTEN_NOT_NULL", [FORGET], names=('"title"', '"shop_book"'))

    assert found.origin.operation == 0
    with pytest.raises(IntegrityError, match='null value in column "title"'):
        books.run(INSERT)


def test_column_that_is_made_null_before(books):
    books.migrate(NULL)
    assert_passes(books, [FORGET])
    books.run(INSERT)


def test_column_that_is_made_null_in_the_same_migration(books):
    assert_passes(books, [NULL, FORGET])
    books.run(INSERT)


def test_column_that_is_made_null_after_it_is_forgotten(books):
    again = migrations.SeparateDatabaseAndState(state_operations=[migrations.AddField("book", "title", TITLE)])
    forget = migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("book", "title")])
    assert_passes(books, [FORGET, again, NULL, forget])
    books.run(INSERT)


def test_column_that_sql_makes_null(books):
    made = migrations.RunSQL("ALTER TABLE shop_book ALTER COLUMN title DROP NOT NULL")
    assert_passes(books, [made, FORGET])
    books.run(INSERT)


def test_column_that_takes_null(books):
    assert_passes(
        books, [migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("book", "pages")])]
    )


if features.db_default:

    def test_column_with_a_default_of_the_database(books):
        default = migrations.AlterField("book", "title", models.CharField(max_length=20, db_default=""))
        assert_passes(books, [default, FORGET])
        books.run(INSERT)

    def test_column_whose_default_goes(books):
        books.migrate(migrations.AlterField("book", "title", models.CharField(max_length=20, db_default="")))
        report = check(books, [migrations.AlterField("book", "title", TITLE), FORGET])
        assert codes(report) == ["DROP_DEFAULT", "FORGOTTEN_NOT_NULL"]


def test_field_that_django_knows_again_at_the_end(books):
    again = migrations.SeparateDatabaseAndState(state_operations=[migrations.AddField("book", "title", TITLE)])
    assert_passes(books, [FORGET, again])


def test_table_that_the_deployment_makes(books):
    made = migrations.CreateModel("shelf", [("id", models.BigAutoField(primary_key=True)), ("title", TITLE)])
    forget = migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("shelf", "title")])
    assert_passes(books, [made, forget])


def test_forgotten_model_is_not_written(books):
    assert_passes(books, [migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel("book")])])


def test_unmanaged_model(books):
    books.migrate(
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    "copy",
                    [("id", models.BigAutoField(primary_key=True)), ("title", TITLE)],
                    {"db_table": "shop_book", "managed": False},
                )
            ]
        )
    )
    assert_passes(
        books, [migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("copy", "title")])]
    )
