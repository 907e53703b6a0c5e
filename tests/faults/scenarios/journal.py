"""Migrations that are changed or replaced after one was interrupted."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.migrations.operations import AddField, AddIndex, AlterField, RunSQL
from django.db.migrations.operations.base import Operation

from tests.operations.case import model

from .chains import char, integer, tables
from .scenario import More, Scenario, scenario

THIRD = "0003_third"


def operations(first: str = "b", last: models.Field[Any, Any] | None = None) -> list[Operation]:
    return [
        AddField("thing", first, integer()),
        AddIndex("thing", models.Index(fields=[first], name="by_b")),
        AddField("thing", "c", last or integer()),
    ]


def others(*third: Operation) -> tuple[More, ...]:
    own = model("Own")
    return (More("0001_own", [own], app="other"), More(THIRD, list(third or [AddField("child", "d", integer())])))


WRITTEN = scenario("journal/written", tables(), *operations(), more=others())
CHANGED_FIRST = scenario("journal/changed_first", tables(), *operations("bb"), more=others())
CHANGED_LAST = scenario("journal/changed_last", tables(), *operations(last=char(unique=True)), more=others())
LONGER = scenario("journal/longer", tables(), *operations(), AddField("thing", "d", integer()), more=others())
SHORTER = scenario("journal/shorter", tables(), *operations()[:1], more=others())
OTHER_THIRD = WRITTEN._replace(
    name="journal/other_third",
    more=(WRITTEN.more[0], More("0003_other", [AddField("child", "e", integer())])),
)
ONE = scenario("journal/one", tables(), AddField("thing", "b", integer()), more=others())
UNIQUE = scenario("journal/unique", tables(), AlterField("thing", "name", char(unique=True)), more=others())
OWN_INDEX = scenario(
    "journal/own_index",
    tables(),
    RunSQL("CREATE INDEX CONCURRENTLY IF NOT EXISTS app_thing_name ON app_thing (name)", RunSQL.noop),
    atomic=False,
    more=others(),
)
SCENARIOS: list[Scenario] = [
    *(WRITTEN, CHANGED_FIRST, CHANGED_LAST, LONGER, SHORTER, OTHER_THIRD, ONE, UNIQUE, OWN_INDEX),
]
