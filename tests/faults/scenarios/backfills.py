"""Many rows that are changed in batches, and the operations before and after them in their migration."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.migrations.operations import AddField, AlterField
from django.db.migrations.operations.base import Operation
from django.db.models import F, Q, Value

from django_zero_downtime_migrations.operations import Backfill
from tests.operations.case import APP, model

from .chains import char, integer
from .scenario import Scenario, scenario

#: Together with the rows that every table has, these take about 150 pages.
MANY = "INSERT INTO app_thing (a, name) SELECT n, repeat('x', 20) FROM generate_series(101, 20000) n"


def of(name: str, *operations: Operation, batch: str = "1ms", **more: Any) -> Scenario:
    """Make a scenario with the smallest batches."""
    settings = {"BACKFILL_BATCH_TIME": batch, "BACKFILL_LOAD": 1.0}
    return scenario(
        f"backfill/{name}", [model("Thing", a=integer(), name=char())], *operations, data=(MANY,), settings=settings
    )


def one_more(apps: Any, rows: Any) -> None:
    rows.update(a=F("a") + 1, name="done")


LATER = Backfill("Thing", {"a": F("a") + 1, "name": Value("done")}, where=~Q(name="done"), later=True)
SCENARIOS = [
    # A row that is changed twice shows it.
    of("of_itself", Backfill("Thing", {"a": F("a") + 1, "name": Value("done")}, where=~Q(name="done"))),
    of(
        "between_others",
        AddField("thing", "b", models.BigIntegerField(null=True)),
        Backfill("Thing", {"b": F("a") * 2}, where=Q(b=None)),
        AlterField("thing", "b", models.BigIntegerField(db_index=True)),
    ),
    # A batch of these may be a single row.
    of("by_a_function", Backfill("Thing", each=one_more, where=~Q(name="done")), batch="20ms"),
    of("later", LATER),
    of("later/run", LATER, first=(APP,), arguments=("--run",)),
    of(
        "nulls",
        AddField("thing", "b", models.BigIntegerField(null=True)),
        AlterField("thing", "b", models.BigIntegerField(default=7)),
    ),
]
