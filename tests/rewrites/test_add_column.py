"""A column comes alone, and its index, its constraints and its foreign key come after it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import migrations, models

from django_zero_downtime_migrations.locks import LockMode
from tests.backends.fixtures import Twins
from tests.backends.project import Shop
from tests.backends.sessions import run

from .seen import blocking_work, scans, strongest

INLINE = {
    "unique": "integer UNIQUE",
    "primary key": "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    "check": "integer CHECK (code > 0)",
    "foreign key with a default": "integer DEFAULT 1 REFERENCES target",
}
ADDED: dict[str, models.Field[Any, Any]] = {
    "unique": models.IntegerField(null=True, unique=True),
    "check": models.PositiveIntegerField(null=True),
    "foreign key": models.ForeignKey("shop.author", models.CASCADE, null=True),
}
AUTHOR = migrations.CreateModel("author", [("id", models.BigAutoField(primary_key=True))])
BOOK = migrations.CreateModel("book", [("id", models.BigAutoField(primary_key=True))])


@pytest.fixture
def tables(shop: Shop) -> Shop:
    shop.migrate(AUTHOR, BOOK)
    shop.run("INSERT INTO shop_author SELECT FROM generate_series(1, 50)")
    shop.run("INSERT INTO shop_book SELECT FROM generate_series(1, 50)")
    return shop


@pytest.fixture
def session(open_session: Any) -> Any:
    session = open_session()
    run(session, "CREATE TABLE target (id integer PRIMARY KEY); INSERT INTO target VALUES (1)")
    run(session, "CREATE TABLE thing (number integer); INSERT INTO thing SELECT generate_series(1, 100)")
    session.commit()
    return session


@pytest.mark.parametrize("definition", INLINE.values(), ids=INLINE)
def test_inline_all_rows_are_read_under_access_exclusive(session: Any, definition: str) -> None:
    assert scans(session, "thing", f"ALTER TABLE thing ADD COLUMN code {definition}") > 0
    assert strongest(session, "thing") is LockMode.ACCESS_EXCLUSIVE


def test_alone_no_row_is_read(session: Any) -> None:
    assert scans(session, "thing", "ALTER TABLE thing ADD COLUMN code integer DEFAULT 1 NOT NULL") == 0


def test_an_inline_foreign_key_keeps_writers_from_its_target(session: Any) -> None:
    run(session, "ALTER TABLE thing ADD COLUMN code integer DEFAULT 1 REFERENCES target")
    assert strongest(session, "target") is LockMode.SHARE_ROW_EXCLUSIVE


@pytest.mark.parametrize("field", ADDED.values(), ids=ADDED)
def test_taken_apart_no_step_that_blocks_reads_or_builds(tables: Shop, watch: Any, field: Any) -> None:
    observation = watch(migrations.AddField("book", "code", field))
    assert len(observation.steps) > 1
    assert blocking_work(observation) == []


@pytest.mark.parametrize("field", ADDED.values(), ids=ADDED)
def test_the_names_are_those_of_stock_django(twins: Twins, field: Any) -> None:
    twins.migrate(AUTHOR, BOOK)
    twins.migrate(migrations.AddField("book", "code", field))
