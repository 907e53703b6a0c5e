from __future__ import annotations

import pytest
from django.db import migrations, models
from django.db.models import Q

from django_zero_downtime_migrations.findings import Severity
from tests.commands.judged import check, check_alone, codes
from tests.operations.case import check as check_of

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


ADDED = models.IntegerField(default=7)
#: What is to run before, and the change.
BEFORE = {
    "index": ([migrations.AddIndex("book", models.Index(fields=["pages"], name="by_pages"))], BIGGER),
    "check": ([migrations.AddConstraint("book", check_of(Q(pages__gt=0), name="some"))], BIGGER),
    "renamed column": (
        [migrations.RenameField("book", "pages", "leaves")],
        migrations.AlterField("book", "leaves", models.BigIntegerField(null=True)),
    ),
    "renamed table": (
        [migrations.RenameModel("book", "volume")],
        migrations.AlterField("volume", "pages", models.BigIntegerField(null=True)),
    ),
    "new column": (
        [migrations.AddField("book", "new", ADDED)],
        migrations.AlterField("book", "new", models.BigIntegerField(default=7)),
    ),
    "SQL that names another table": ([migrations.RunSQL("UPDATE other SET a = 1")], BIGGER),
}


@pytest.mark.parametrize(("before", "change"), BEFORE.values(), ids=BEFORE)
@pytest.mark.filterwarnings("ignore::django_zero_downtime_migrations.errors.UnsafeOperationWarning")
def test_after_an_operation_that_has_not_run(books, before, change):
    books.run("CREATE TABLE other (a int)")
    assert "ONLINE_TYPE_CHANGE" in codes(check(books, before, [change]))

    books.migrate(*before)
    (found,) = books.migrate(change).findings
    assert found.code == "ONLINE_TYPE_CHANGE"


def test_after_sql_that_may_be_about_the_table(books):
    """The effect of the SQL on the table is not known to the server yet."""
    view = migrations.RunSQL("CREATE VIEW seen AS SELECT pages FROM shop_book")
    found = check(books, [view], [BIGGER]).entries[-1].finding
    assert found.code == "ALTER_COLUMN_TYPE"
    assert "an operation before it that has not run changes what belongs to the column" in found.message


def test_a_script_cannot_have_what_only_the_server_would_tell(books):
    """The index is to be made again with the new column, and is not there while the script is written."""
    index = migrations.AddIndex("book", models.Index(fields=["pages"], name="by_pages"))
    lines = books.collected(index, BIGGER)
    assert any("put that into a migration before this one, and apply it first" in line for line in lines), lines
