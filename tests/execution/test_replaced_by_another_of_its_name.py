"""An index or constraint that is removed, and made again with another definition and the same name."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.db import migrations, models
from django.db.models import Q

from django_zero_downtime_migrations.naming import UTF8, quote
from tests.backends.fixtures import Twins
from tests.operations.case import check

NAMES = pytest.mark.parametrize("name", ["by_pages", "By Pages", "Größe"])
BOOK = [
    ("id", models.BigAutoField(primary_key=True)),
    ("pages", models.IntegerField()),
    ("title", models.CharField(max_length=20)),
]
KINDS = ("index", "unique", "check")


def made(kind: str, name: str, *fields: str) -> migrations.AddIndex | migrations.AddConstraint:
    if kind == "index":
        return migrations.AddIndex("book", models.Index(fields=fields, name=name))
    if kind == "unique":
        return migrations.AddConstraint("book", models.UniqueConstraint(fields=fields, name=name))
    condition = Q(**{f"{field}__gt": "1" if field == "title" else 1 for field in fields})
    return migrations.AddConstraint("book", check(condition, name))


def removed(kind: str, name: str) -> migrations.RemoveIndex | migrations.RemoveConstraint:
    return migrations.RemoveIndex("book", name) if kind == "index" else migrations.RemoveConstraint("book", name)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, settings: Any) -> str:
    settings.ZERO_DOWNTIME_MIGRATIONS_IDEMPOTENT_SQL = True
    return str(request.param)


def has_one(twins: Twins, kind: str, name: str) -> None:
    twins.migrate(migrations.CreateModel("book", BOOK))
    twins.run("INSERT INTO shop_book (pages, title) SELECT n, 'title ' || n FROM generate_series(2, 100) n")
    twins.migrate(made(kind, name, "pages"))


@NAMES
def test_at_once(twins: Twins, kind: str, name: str, caplog: pytest.LogCaptureFixture) -> None:
    has_one(twins, kind, name)
    with caplog.at_level(logging.WARNING):
        twins.migrate(removed(kind, name), made(kind, name, "pages", "title"))
    assert caplog.messages == []


@NAMES
def test_run_that_was_killed_before_the_new_one_got_its_name(twins: Twins, kind: str, name: str) -> None:
    """The catalogue has to tell it where the journal is lost as well."""
    has_one(twins, kind, name)
    old, new = quote(name), quote(UTF8.temporary(name, "new"))
    drop, make = {
        "index": (f"DROP INDEX {old}", f"CREATE INDEX {new} ON shop_book (pages, title)"),
        "unique": (
            f"ALTER TABLE shop_book DROP CONSTRAINT {old}",
            f"ALTER TABLE shop_book ADD CONSTRAINT {new} UNIQUE (pages, title)",
        ),
        "check": (
            f"ALTER TABLE shop_book DROP CONSTRAINT {old}",
            f"ALTER TABLE shop_book ADD CONSTRAINT {new} CHECK (pages > 1 AND title > '1')",
        ),
    }[kind]
    twins.ours.run(drop)
    twins.ours.run(make)

    twins.migrate(removed(kind, name), made(kind, name, "pages", "title"))
