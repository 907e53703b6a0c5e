"""The hint at REPACK goes by the capability alone, which the tests give to the server that they have."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from django_zero_downtime_migrations.backends.postgres import recording
from django_zero_downtime_migrations.catalog.records import Size
from django_zero_downtime_migrations.server import capabilities
from tests.backends.project import Shop
from tests.commands.judged import Known, check

LARGE = Size(rows=1_000_000, bytes=100 * 1024**2)
BIGGER = migrations.AlterField("book", "pages", models.BigIntegerField(null=True))
REMOVED = migrations.RemoveField("book", "pages")
GOES = pytest.mark.parametrize("operation", [BIGGER, REMOVED], ids=["type", "removal"])


@pytest.fixture(autouse=True)
def online(settings: Any) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_ONLINE_TYPE_CHANGES = True


@pytest.fixture
def repacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "capabilities", lambda connection: capabilities(connection)._replace(repacks=True))


def said(books: Shop, operation: Operation, size: Size = LARGE) -> str:
    (entry,) = check(books, [operation], sizes=Known(shop_book=size)).entries
    return entry.finding.message


@GOES
@pytest.mark.usefixtures("repacks")
def test_large_table_on_postgresql_19(books: Shop, operation: Operation) -> None:
    """PostgreSQL's documentation calls it not MVCC-safe, and says that it locks all others out without CONCURRENTLY."""
    message = said(books, operation)
    assert 'REPACK (CONCURRENTLY) "shop_book"' in message
    for trap in ("older snapshot", "room for a second table", "outside of a transaction", "without CONCURRENTLY"):
        assert trap in message


@GOES
def test_older_server_has_no_such_command(books: Shop, operation: Operation) -> None:
    assert "REPACK" not in said(books, operation)


@GOES
@pytest.mark.usefixtures("repacks")
def test_small_table_is_not_worth_it(books: Shop, operation: Operation) -> None:
    assert "REPACK" not in said(books, operation, Size(50, 8192))


def test_capability(books: Shop) -> None:
    found = []
    for version in (180999, 190000, 200001):
        books.connection.__dict__["pg_version"] = version
        found.append(capabilities(books.connection).repacks)
    assert found == [False, True, True]
