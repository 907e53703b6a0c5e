from __future__ import annotations

import pytest
from django.db import IntegrityError, migrations, models

from django_zero_downtime_migrations.compat import has_db_default
from django_zero_downtime_migrations.findings import Severity
from tests.commands.judged import check

from .verbs import assert_checked, assert_passes

REQUIRED = migrations.AlterField("book", "pages", models.IntegerField())


def test_field_in_which_running_code_may_leave_none(books):
    found = assert_checked(books, "SET_NOT_NULL", [REQUIRED], names=('"pages"', '"shop_book"'))
    assert "may write NULL" in found.message


def test_field_that_running_code_does_not_know(books):
    added = migrations.AddField("book", "rank", models.IntegerField(null=True))
    filled = migrations.AlterField("book", "rank", models.IntegerField(default=0))
    (entry,) = check(books, [added, filled]).entries
    assert entry.finding.code == "SET_NOT_NULL"
    assert "does not know" in entry.finding.message
    assert entry.severity is Severity.REFUSE
    books.migrate(added)
    books.migrate(filled)
    with pytest.raises(IntegrityError, match='null value in column "rank"'):
        books.run("INSERT INTO shop_book (title) VALUES ('of the code before')")


def test_field_that_is_renamed_and_required(books):
    books.migrate(migrations.AlterField("book", "pages", models.IntegerField(null=True, db_column="pages")))
    renamed = migrations.RenameField("book", "pages", "sheets")
    required = migrations.AlterField("book", "sheets", models.IntegerField(db_column="pages"))
    assert_checked(books, "SET_NOT_NULL", [renamed, required])


def test_constraint_proves_that_there_is_no_null(books):
    condition = models.Q(pages__isnull=False)
    try:
        proof = models.CheckConstraint(condition=condition, name="has_pages")
    except TypeError:
        proof = models.CheckConstraint(check=condition, name="has_pages")
    books.migrate(migrations.AddConstraint("book", proof))
    assert_passes(books, [REQUIRED])


if has_db_default:

    def test_new_field_that_the_database_fills(books):
        added = migrations.AddField("book", "rank", models.IntegerField(null=True, db_default=0))
        required = migrations.AlterField("book", "rank", models.IntegerField(db_default=0))
        assert_passes(books, [added, required])


def test_field_of_a_new_table(shop):
    made = migrations.CreateModel(
        "book", [("id", models.BigAutoField(primary_key=True)), ("pages", models.IntegerField(null=True))]
    )
    assert_passes(shop, [made, REQUIRED])
