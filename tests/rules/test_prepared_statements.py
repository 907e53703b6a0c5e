"""The connections that prepare statements are found out with real ones; psycopg2 has neither of the options."""

from __future__ import annotations

import pytest
from django.db import migrations, models
from django.db.utils import DatabaseError

from django_zero_downtime_migrations.findings import Severity
from tests.databases import driver

from .verbs import assert_finding, assert_safe

BIGGER = migrations.AlterField("book", "pages", models.BigIntegerField(null=True))
LONGER = migrations.AlterField("book", "title", models.CharField(max_length=30))
BOTH = {"server_side_binding": True, "prepare_threshold": 0}
NEITHER = {"server_side_binding": False, "prepare_threshold": None}
#: The driver counts to the threshold.
OFTEN = 3

on_psycopg = pytest.mark.parametrize(
    "options",
    [NEITHER, NEITHER | {"server_side_binding": True}, NEITHER | {"prepare_threshold": 0}, BOTH]
    if driver.__name__ == "psycopg"
    else [{}],
    ids=str,
)


@pytest.fixture(autouse=True)
def online(settings):
    settings.ZERO_DOWNTIME_MIGRATIONS_ONLINE_TYPE_CHANGES = True


@pytest.fixture
def declare(books, monkeypatch):
    """declare(options): the database has these OPTIONS."""
    return lambda options: monkeypatch.setitem(books.connection.settings_dict, "OPTIONS", options)


def errors(application, sql):
    """The errors of a statement that is sent often."""
    found = []
    for _ in range(OFTEN):
        try:
            with application.cursor() as cursor:
                cursor.execute(sql, (1,))
        except DatabaseError as error:
            found.append(str(error).strip())
    return found


def test_connections_that_prepare_statements(books, declare):
    declare(BOTH)
    found = assert_finding(
        books, "PREPARED_STATEMENTS", BIGGER, names=('"shop_book"."pages"',), beside=("ONLINE_TYPE_CHANGE",)
    )
    assert found.severity is Severity.WARN


def test_change_that_the_catalogue_alone_takes(books, declare):
    declare(BOTH)
    assert_safe(books, LONGER)


@on_psycopg
def test_it_is_said_for_exactly_the_connections_that_fail(books, declare, make_connection, options):
    """One that fails goes on to fail; an UPDATE returns no column whose type has changed."""
    application = make_connection(name=books.connection.settings_dict["NAME"], **options)
    select, update = "SELECT pages FROM shop_book WHERE id = %s", "UPDATE shop_book SET pages = 2 WHERE id = %s"
    returning = "INSERT INTO shop_book (pages, title) VALUES (%s, '') RETURNING pages"
    assert [errors(application, sql) for sql in (select, update, returning)] == [[], [], []]

    declare(options)
    with pytest.warns() if options == BOTH else pytest.MonkeyPatch.context():
        codes = {finding.code for finding in books.migrate(BIGGER).findings}

    failed = ["cached plan must not change result type"] * OFTEN if options == BOTH else []
    assert [errors(application, sql) for sql in (select, update, returning)] == [failed, [], failed]
    assert ("PREPARED_STATEMENTS" in codes) is (options == BOTH)
