from __future__ import annotations

import uuid

import pytest
from django.db import migrations, models

from django_zero_downtime_migrations.errors import UnsafeOperationWarning
from django_zero_downtime_migrations.findings import Severity
from django_zero_downtime_migrations.operations import SafetyAssured
from tests.commands.judged import check, check_alone, codes

from .verbs import assert_finding, assert_safe

ADDED = migrations.AddField("book", "status", models.CharField(max_length=10, default="new"))


@pytest.fixture(autouse=True)
def expanding(settings, other_session):
    """Open another session."""
    settings.ZERO_DOWNTIME_MIGRATIONS_EXPAND_CONTRACT = True


def test_new_field_with_a_default(books):
    found = assert_finding(books, "NOT_NULL_OWED", ADDED, names=('"status"', '"shop_book"', "manage.py contract"))
    assert (found.severity, found.lock) == (Severity.NOTE, None)
    assert found.sql == 'ALTER TABLE "shop_book" ALTER COLUMN "status" DROP DEFAULT'
    assert "function" not in found.message


def test_that_a_function_is_called_once_is_said(books):
    field = models.UUIDField(default=uuid.uuid4)
    [found] = books.migrate(migrations.AddField("book", "key", field)).findings
    assert "what its function has given now: rows of old code all have the same value" in found.message


def test_it_is_judged_without_a_database(books):
    assert codes(check_alone(books, ADDED)) == ["NOT_NULL_OWED"]


def test_column_without_a_default_and_unique_column_are_refused_as_before(books):
    unique = migrations.AddField("book", "status", models.CharField(max_length=10, default="new", unique=True))
    assert codes(check_alone(books, unique)) == ["ADD_COLUMN_NOT_NULL"]


def test_what_is_assured_goes_at_once(books):
    books.migrate(SafetyAssured([ADDED], reason="no old code runs"))
    assert books.run("SELECT FROM pg_attrdef WHERE adrelid = 'shop_book'::regclass AND adbin LIKE '%new%'") == []


def test_where_nobody_else_is_there_nothing_is_left(books, other_session):
    other_session.close()
    books.run("SELECT pg_stat_clear_snapshot()")
    with pytest.warns(UnsafeOperationWarning, match="not refused: nobody else is connected"):
        [found] = books.migrate(ADDED).findings
    assert (found.code, found.severity) == ("ADD_COLUMN_NOT_NULL", Severity.WARN)


def test_where_old_code_is_absent_nothing_is_refused(books, settings):
    settings.ZERO_DOWNTIME_MIGRATIONS_OLD_CODE = "absent"
    (entry,) = check(books, [ADDED]).entries
    assert (entry.finding.code, entry.finding.eased) == ("ADD_COLUMN_NOT_NULL", 'OLD_CODE is "absent"')
    assert entry.severity is Severity.WARN


def test_field_that_takes_null(books):
    assert_safe(books, migrations.AddField("book", "status", models.CharField(max_length=10, default="new", null=True)))
