from __future__ import annotations

import pytest
from django.db import migrations, models

from django_zero_downtime_migrations.findings import Severity
from django_zero_downtime_migrations.operations import SafetyAssured
from tests.commands.judged import check, check_alone, codes

from .verbs import assert_finding, assert_safe

REMOVED = migrations.RemoveField("book", "pages")


@pytest.fixture(autouse=True)
def expanding(settings, other_session):
    """Open another session."""
    settings.ZERO_DOWNTIME_MIGRATIONS_EXPAND_CONTRACT = True


def test_field_of_the_running_code(books):
    found = assert_finding(books, "REMOVAL_OWED", REMOVED, names=('"pages"', '"shop_book"', "manage.py contract"))
    assert (found.severity, found.lock) == (Severity.NOTE, None)
    assert found.sql == 'ALTER TABLE "shop_book" DROP COLUMN "pages"'


def test_model_with_a_many_to_many_field(books):
    books.migrate(migrations.AddField("book", "others", models.ManyToManyField("shop.book")))
    found = assert_finding(books, "REMOVAL_OWED", migrations.DeleteModel("book"), names=('"shop_book"',))
    assert found.sql == 'DROP TABLE "shop_book"; DROP TABLE "shop_book_others"'


def test_it_is_judged_without_a_database(books):
    (entry,) = check_alone(books, REMOVED).entries
    assert (entry.finding.code, entry.severity) == ("REMOVAL_OWED", Severity.NOTE)


def test_in_a_deployment_that_needs_the_name_again_it_is_refused(books):
    again = migrations.AddField("book", "pages", models.IntegerField(null=True))
    assert codes(check(books, [REMOVED, again])) == ["REMOVAL_OWED", "CANNOT_MIGRATE"]


def test_what_is_assured_goes_at_once(books):
    books.migrate(SafetyAssured([REMOVED], reason="no old code runs"))
    assert books.run("SELECT FROM pg_attribute WHERE attname = 'pages' AND attrelid = 'shop_book'::regclass") == []


def test_what_django_alone_forgets_stays_as_it_is(books):
    assert_safe(books, migrations.SeparateDatabaseAndState(state_operations=[REMOVED]))


def test_where_nobody_else_is_there_it_goes_at_once(books, other_session):
    other_session.close()
    books.run("SELECT pg_stat_clear_snapshot()")
    assert_safe(books, REMOVED)
