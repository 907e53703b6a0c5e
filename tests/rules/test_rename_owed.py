from __future__ import annotations

import pytest
from django.db import migrations, models

from django_zero_downtime_migrations.findings import Severity
from django_zero_downtime_migrations.operations import SafetyAssured
from tests.commands.judged import check, check_alone, codes

from .verbs import assert_finding, assert_safe

RENAMED = migrations.RenameField("book", "pages", "sheets")


@pytest.fixture(autouse=True)
def expanding(settings, other_session):
    """Open another session."""
    settings.ZERO_DOWNTIME_MIGRATIONS_EXPAND_CONTRACT = True


def test_field_of_the_running_code(books):
    found = assert_finding(books, "RENAME_OWED", RENAMED, names=('"pages"', '"shop_book"', "manage.py contract"))
    assert (found.severity, found.lock) == (Severity.NOTE, None)
    assert found.sql == 'ALTER TABLE "shop_book" RENAME COLUMN "pages" TO "sheets"'


def test_model_with_a_many_to_many_field(books):
    books.migrate(migrations.AddField("book", "others", models.ManyToManyField("shop.book")))
    found = assert_finding(
        books, "RENAME_OWED", migrations.RenameModel("book", "volume"), names=('"shop_book_others"',)
    )
    assert found.sql == 'ALTER TABLE "shop_book" RENAME TO "shop_volume"'


@pytest.mark.parametrize(
    "operation",
    [RENAMED, migrations.RenameModel("book", "volume"), migrations.AlterModelTable("book", "books")],
    ids=str,
)
def test_it_is_judged_without_a_database(books, operation):
    (entry,) = check_alone(books, operation).entries
    assert (entry.finding.code, entry.severity) == ("RENAME_OWED", Severity.NOTE)


def test_in_a_deployment_that_changes_the_table_afterwards_it_is_refused(books):
    after = migrations.AddField("book", "more", models.IntegerField(null=True))
    assert codes(check(books, [RENAMED, after])) == ["RENAME_OWED", "CANNOT_MIGRATE"]


def test_what_is_assured_is_renamed_at_once(books):
    books.migrate(SafetyAssured([RENAMED], reason="no old code runs"))
    assert books.run("SELECT relkind::text FROM pg_class WHERE relname = 'shop_book'") == [("r",)]


def test_where_nobody_else_is_there_it_is_renamed_at_once(books, other_session):
    other_session.close()
    books.run("SELECT pg_stat_clear_snapshot()")
    assert_safe(books, RENAMED)
    assert_safe(books, migrations.RenameModel("book", "volume"))
    assert books.run("SELECT FROM pg_class WHERE relkind = 'v' AND relname = 'shop_book'") == []


def test_where_somebody_says_that_no_old_code_runs_it_is_renamed_at_once(books, settings):
    settings.ZERO_DOWNTIME_MIGRATIONS_OLD_CODE = "absent"
    assert_safe(books, RENAMED)
    assert_safe(books, migrations.RenameModel("book", "volume"))


def test_a_field_that_keeps_its_column(books):
    books.migrate(migrations.AlterField("book", "pages", models.IntegerField(db_column="pages")))
    assert_safe(books, migrations.RenameField("book", "pages", "sheets"))
