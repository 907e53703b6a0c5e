"""How often a short step makes its session wait for an answer, counted on the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.operations.base import Operation

from django_zero_downtime_migrations.search_path import refuse_hostile_search_path
from tests.backends.project import Shop

from .wire import Wire, wire

ID = ("id", models.BigAutoField(primary_key=True))


@pytest.fixture
def counted(database: BaseDatabaseWrapper) -> Iterator[Wire]:
    """Count what the connection of `shop` sends from now on."""
    parameters = database.settings_dict
    database.close()
    with wire(parameters["HOST"], int(parameters["PORT"])) as made:
        parameters["HOST"], parameters["PORT"] = "127.0.0.1", str(made.port)
        yield made
        database.close()


@pytest.fixture
def books(counted: Wire, shop: Shop) -> Shop:
    shop.migrate(
        migrations.CreateModel("author", [ID]),
        migrations.CreateModel("book", [ID, ("title", models.CharField(max_length=20))], TITLES),
    )
    # This is asked once for each connection.
    refuse_hostile_search_path(shop.connection)
    return shop


def of(counted: Wire, work: Callable[[], Any]) -> int:
    before = counted.round_trips
    work()
    return counted.round_trips - before


@pytest.fixture
def recommended(settings: Any) -> Any:
    settings.ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT = "2s"
    settings.ZERO_DOWNTIME_MIGRATIONS_FLEXIBLE_STATEMENT_TIMEOUT = True
    return settings


TITLES = {"indexes": [models.Index(fields=["title"], name="by_title")]}
ONE_STEP = {
    "add a column": migrations.AddField("book", "pages", models.IntegerField(null=True)),
    "let a column be null": migrations.AlterField("book", "title", models.CharField(max_length=20, null=True)),
    "rename an index": migrations.RenameIndex("book", "of_titles", old_name="by_title"),
    "comment": migrations.AlterModelTableComment("book", "What there is to read"),
}


@pytest.mark.usefixtures("recommended")
@pytest.mark.parametrize("operation", ONE_STEP.values(), ids=ONE_STEP)
def test_one_question_to_the_catalogue_and_the_step(counted: Wire, books: Shop, operation: Operation) -> None:
    assert of(counted, lambda: books.migrate(operation)) <= 2


@pytest.mark.parametrize("operation", ONE_STEP.values(), ids=ONE_STEP)
def test_a_look_more_where_it_is_tried_again(
    counted: Wire, books: Shop, operation: Operation, recommended: Any
) -> None:
    recommended.ZERO_DOWNTIME_MIGRATIONS_LOCK_RETRY_TIMEOUT = "1min"
    assert of(counted, lambda: books.migrate(operation)) <= 3


@pytest.mark.usefixtures("recommended")
def test_timeouts_and_statement_are_one_round_trip(counted: Wire, books: Shop) -> None:
    assert of(counted, lambda: books.migrate(ONE_STEP["add a column"])) == 1
    assert counted.texts[-1] == (
        "SET LOCAL lock_timeout = 2000; SET LOCAL statement_timeout = 2200; "
        'ALTER TABLE "shop_book" ADD COLUMN "pages" integer NULL; SET LOCAL synchronous_commit = local'
    )
