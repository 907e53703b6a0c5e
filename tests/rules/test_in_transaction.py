from __future__ import annotations

import warnings

import pytest
from django.db import migrations, models, transaction
from django.db.models import Q
from django.test import override_settings

from django_zero_downtime_migrations.findings import Severity
from tests.operations.case import check

from .verbs import assert_finding, assert_safe

POSITIVE = migrations.AddConstraint("book", check(Q(pages__gt=0), "positive"))


@pytest.mark.parametrize(
    "operation",
    [
        POSITIVE,
        migrations.AddIndex("book", models.Index(fields=["pages"], name="by_pages")),
        migrations.AddConstraint("book", models.UniqueConstraint(fields=["pages"], name="once")),
        migrations.AlterField("book", "pages", models.IntegerField()),
        migrations.AlterField(
            "book",
            "pages",
            models.ForeignKey("shop.book", models.CASCADE, db_index=False, null=True, db_column="pages"),
        ),
    ],
    ids=["check", "index", "unique", "not null", "foreign key"],
)
def test_statement_inside_a_transaction(books, operation):
    books.run("ALTER TABLE shop_book ALTER pages TYPE bigint")
    with transaction.atomic(books.alias):
        found = assert_finding(books, "IN_TRANSACTION", operation, names=('"shop_book"',))
    assert (found.origin.app, found.origin.model, found.severity) == ("shop", "book", Severity.NOTE)
    assert found.lock.blocks_writes


def test_same_statement_outside_of_a_transaction(books):
    assert_safe(books, POSITIVE)


def test_catalogue_change_inside_a_transaction(books):
    with transaction.atomic(books.alias):
        assert_safe(books, migrations.AddField("book", "rank", models.IntegerField(null=True)))


def test_statement_on_a_new_table_inside_a_transaction(shop):
    fields = [("id", models.BigAutoField(primary_key=True)), ("pages", models.IntegerField())]
    with transaction.atomic(shop.alias):
        assert_safe(shop, migrations.CreateModel("book", fields), POSITIVE)


@pytest.mark.parametrize("raises", [True, False])
def test_it_is_a_note_in_the_log_and_no_warning_becomes_an_error(books, caplog, raises):
    """A TestCase under `python -W error` has this situation."""
    caplog.set_level("INFO", "django_zero_downtime_migrations")
    with (
        override_settings(ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE=raises),
        warnings.catch_warnings(),
        transaction.atomic(books.alias),
    ):
        warnings.simplefilter("error")
        books.migrate(migrations.AddIndex("book", models.Index(fields=["pages"], name="by_pages")))
    assert 'IN_TRANSACTION: "shop_book" is scanned inside a transaction' in caplog.text
