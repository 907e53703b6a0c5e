from __future__ import annotations

import pytest
from django.db import migrations, models

from django_zero_downtime_migrations.findings import Severity
from tests.commands.judged import check, check_alone, codes

from .verbs import assert_finding, assert_safe

BIGGER = migrations.AlterField("book", "pages", models.BigIntegerField(null=True))
LONGER = migrations.AlterField("book", "title", models.CharField(max_length=30))


@pytest.fixture(autouse=True)
def online(settings):
    settings.ZERO_DOWNTIME_MIGRATIONS_ONLINE_TYPE_CHANGES = True


def test_type_of_another_size(books):
    books.run("ANALYZE shop_book")
    names = ('"shop_book"."pages"', "bigint", "50 rows", "kB", "of WAL")
    found = assert_finding(books, "ONLINE_TYPE_CHANGE", BIGGER, names=names)
    assert (found.severity, found.lock) == (Severity.NOTE, None)


def test_what_the_catalogue_alone_takes(books):
    assert_safe(books, LONGER)


def test_longer_column_with_an_index_over_an_expression(books):
    books.run("CREATE INDEX by_upper ON shop_book (upper(title))")
    assert_finding(books, "ONLINE_TYPE_CHANGE", LONGER, names=('"title"', "character varying(30)"))


def test_a_column_that_becomes_a_shorter_one_is_refused(books):
    assert codes(check(books, [migrations.AlterField("book", "pages", models.SmallIntegerField(null=True))])) == [
        "ALTER_COLUMN_TYPE"
    ]


def test_it_is_judged_without_a_database(books):
    (entry,) = check_alone(books, BIGGER).entries
    assert (entry.finding.code, entry.severity) == ("ONLINE_TYPE_CHANGE", Severity.NOTE)


def test_a_key_that_another_table_refers_to_is_refused_without_a_database_as_well(books):
    line = [("id", models.BigAutoField(primary_key=True)), ("book", models.ForeignKey("shop.book", models.CASCADE))]
    books.migrate(migrations.CreateModel("line", line))
    key = migrations.AlterField("book", "id", models.DecimalField(max_digits=30, decimal_places=0, primary_key=True))
    expected = {"ALTER_COLUMN_TYPE", "DROP_DEFAULT"}
    assert set(codes(check_alone(books, key))) == set(codes(check(books, [key]))) == expected


def test_after_an_operation_that_has_not_run_it_is_refused(books):
    """What belongs to the column then, the server does not know yet."""
    index = migrations.AddIndex("book", models.Index(fields=["pages"], name="by_pages"))
    (entry,) = check(books, [index, BIGGER]).entries
    assert entry.finding.code == "ALTER_COLUMN_TYPE"
    assert "an earlier operation that has not run changes the table" in entry.finding.message
