"""A refusal comes before anything is sent; a finding that is not refused is reported, each time."""

from __future__ import annotations

import re
import warnings
from typing import Any

import pytest
from django.db import migrations, models

from django_zero_downtime_migrations.backends.postgres.schema import (
    Unsafe,
    UnsafeOperationException,
    UnsafeOperationWarning,
)
from tests.backends.fixtures import Twins
from tests.backends.project import Shop, Site
from tests.concurrency.attempts import before_each_statement

ID = ("id", models.BigAutoField(primary_key=True))
BOOK = migrations.CreateModel(
    "book",
    [
        ID,
        ("title", models.CharField(max_length=20, unique=True)),
        ("pages", models.IntegerField(null=True, db_index=True)),
        ("price", models.DecimalField(max_digits=6, decimal_places=2, null=True)),
    ],
)
DDL = re.compile(r"^\s*(SET |ALTER|CREATE (?!TEMPORARY)|DROP|UPDATE|INSERT|DELETE)", re.I)
REFUSED = {
    "ALTER_COLUMN_TYPE": migrations.AlterField("book", "title", models.IntegerField(unique=True)),
    "ADD_COLUMN_NOT_NULL": migrations.AddField("book", "isbn", models.CharField(max_length=13, default="")),
    "ALTER_TABLE_RENAME_COLUMN": migrations.RenameField("book", "title", "name"),
    "ALTER_TABLE_RENAME": migrations.RenameModel("book", "volume"),
}


@pytest.fixture
def strict(settings: Any) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE = True


@pytest.fixture
def books(twins: Twins) -> Twins:
    twins.migrate(BOOK)
    twins.run("INSERT INTO shop_book (title) SELECT n FROM generate_series(1, 10) n")
    return twins


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("code", REFUSED)
def test_refused_operation_sends_nothing_and_changes_nothing(books: Twins, code: str) -> None:
    before = books.dump(books.ours.connection)
    with (
        before_each_statement(books.ours.connection, lambda: None) as sent,
        pytest.raises(UnsafeOperationException) as caught,
    ):
        books.ours.migrate(REFUSED[code])
    assert str(caught.value) == getattr(Unsafe, code)
    assert [sql for sql in sent if DDL.match(sql)] == []
    assert books.dump(books.ours.connection) == before
    assert not books.ours.connection.in_atomic_block


@pytest.mark.usefixtures("strict")
def test_unique_constraint_is_still_there_when_the_type_change_of_its_column_is_refused(books: Twins) -> None:
    with pytest.raises(UnsafeOperationException):
        books.ours.migrate(migrations.AlterField("book", "title", models.IntegerField()))
    indexes = books.ours.run("SELECT indexname FROM pg_indexes WHERE tablename = 'shop_book' ORDER BY 1")
    assert ("shop_book_title_key",) in indexes
    assert len(indexes) == 4


@pytest.mark.usefixtures("strict")
def test_safe_half_of_a_call_is_not_sent_when_the_other_half_is_refused(books: Twins) -> None:
    # Its index is safe to build, its type is not safe to change.
    with pytest.raises(UnsafeOperationException):
        books.ours.migrate(
            migrations.AlterField("book", "price", models.DecimalField(max_digits=6, decimal_places=1, db_index=True))
        )
    assert books.ours.run("SELECT count(*) FROM pg_indexes WHERE tablename = 'shop_book'") == [(4,)]


@pytest.mark.usefixtures("strict")
def test_exception_names_what_it_is_about(books: Twins) -> None:
    with pytest.raises(UnsafeOperationException) as caught:
        books.ours.migrate(REFUSED["ADD_COLUMN_NOT_NULL"])
    finding = caught.value.finding
    assert finding is not None
    assert (finding.code, finding.table, finding.severity.value) == ("ADD_COLUMN_NOT_NULL", '"shop_book"', "refuse")
    assert (finding.origin.app, finding.origin.model, finding.origin.field) == ("shop", "book", "isbn")
    assert finding.origin.operation == 0
    assert str(finding.lock) == "ACCESS EXCLUSIVE"
    assert "isbn" in finding.message
    assert "db_default" in finding.instead
    assert "ADD COLUMN" in finding.sql


@pytest.mark.parametrize("code", REFUSED)
def test_operation_that_is_not_refused_warns_and_is_done_as_with_stock(books: Twins, code: str) -> None:
    with pytest.warns(UnsafeOperationWarning) as caught:
        if code == "ALTER_COLUMN_TYPE":
            books.run("DELETE FROM shop_book")
        books.migrate(REFUSED[code])
    [warning] = [one.message for one in caught]
    assert isinstance(warning, UnsafeOperationWarning)
    assert warning.finding is not None
    assert warning.finding.code == code
    assert str(warning).startswith(getattr(Unsafe, code))
    assert "shop" in str(warning)


def test_equal_operations_on_different_fields_warn_each(books: Twins) -> None:
    fields = [
        migrations.AddField("book", name, models.CharField(max_length=13, default=""))
        for name in ("isbn", "ean", "sku")
    ]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        books.ours.migrate(*fields)
    assert len({str(one.message) for one in caught}) == 3


def test_three_unsafe_operations_give_three_visible_warnings(site: Site) -> None:
    site.add(BOOK)
    site.migrate()
    site.add(
        migrations.AddField("book", "isbn", models.CharField(max_length=13, default="")),
        migrations.AddField("book", "ean", models.CharField(max_length=13, default="")),
    )
    site.add(migrations.AddField("book", "sku", models.CharField(max_length=13, default="")))
    output = site.migrate()
    assert output.count("UnsafeOperationWarning: ADD COLUMN NOT NULL is unsafe operation") == 3
    for name in ("isbn", "ean", "sku"):
        assert f"shop.book.{name}" in output


def test_refusal_on_the_command_line_says_what_where_and_what_instead(site: Site) -> None:
    site.settings["ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE"] = True
    site.add(BOOK)
    site.migrate()
    site.add(REFUSED["ADD_COLUMN_NOT_NULL"])
    output = site.refused()
    assert "ADD COLUMN NOT NULL is unsafe operation" in output
    # The text is a note under the exception, and before Python 3.11, which has no notes, a line of the log above it.
    assert 'column "isbn" is added to "shop_book" NOT NULL' in output


@pytest.mark.parametrize("installed", [True, False])
def test_refusal_later_in_the_plan_comes_before_the_first_statement_where_the_app_is_installed(
    site: Site, shop: Shop, installed: bool
) -> None:
    site.settings["ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE"] = True
    if installed:
        site.settings["INSTALLED_APPS"].append("django_zero_downtime_migrations")
    site.add(BOOK)
    site.migrate()
    site.add(migrations.AddField("book", "weight", models.IntegerField(null=True)))
    site.add(migrations.AddField("book", "size", models.IntegerField(null=True)), REFUSED["ADD_COLUMN_NOT_NULL"])
    site.refused()
    columns = {name for (name,) in shop.run("SELECT attname FROM pg_attribute WHERE attrelid = 'shop_book'::regclass")}
    assert columns & {"weight", "size", "isbn"} == (set() if installed else {"weight", "size"})


@pytest.mark.parametrize("installed", [True, False])
def test_circular_foreign_keys_of_an_initial_migration_are_not_refused(site: Site, installed: bool) -> None:
    site.settings["ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE"] = True
    if installed:
        site.settings["INSTALLED_APPS"].append("django_zero_downtime_migrations")
    site.add(
        migrations.CreateModel("author", [ID]),
        migrations.CreateModel("book", [ID, ("author", models.ForeignKey("shop.author", models.CASCADE))]),
        migrations.AddField("author", "best", models.ForeignKey("shop.book", models.CASCADE, "+")),
    )
    # The tables were made in the same run, so they are new.
    site.add(migrations.AddField("author", "rank", models.IntegerField(default=0)))
    assert "nsafe" not in site.migrate()
