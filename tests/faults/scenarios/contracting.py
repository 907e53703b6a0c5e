"""Removals and renames of what old code uses: their effect at once, their remains, and how these end or come back."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.migrations.operations import AddField, AlterField, DeleteModel, RemoveField, RenameField, RenameModel
from django.db.migrations.operations.base import Operation

from django_zero_downtime_migrations.operations import Contract, Expand, ReplaceField, SafetyAssured
from tests.operations.case import APP, model

from .chains import char, integer
from .scenario import CHANGE, More, Scenario, back, scenario

CUSTOMER = model("Customer", name=char())
THING = model(
    "Thing",
    a=integer(),
    name=models.CharField(max_length=20, default="x"),
    customer=models.ForeignKey(f"{APP}.Customer", models.CASCADE),
    friends=models.ManyToManyField(f"{APP}.Customer", related_name="+"),
    b=models.IntegerField(null=True),
    c=models.CharField(max_length=10, null=True),
)
NOW = ("--now", "no old code runs")


def of(name: str, *operations: Operation, **more: Any) -> Scenario:
    settings = {"EXPAND_CONTRACT": True, **more.pop("settings", {})}
    return scenario(f"contracting/{name}", [CUSTOMER, THING], *operations, settings=settings, **more)


def dropped(there: Scenario) -> Scenario:
    """Drop what the migration has left."""
    return there._replace(name=f"{there.name}/contract", first=(APP,), arguments=NOW)


FIELDS = of("fields", RemoveField("thing", "name"), RemoveField("thing", "customer"), RemoveField("thing", "friends"))
MODEL = of("model", DeleteModel("thing"))
PLAIN = of("without_a_journal", RemoveField("thing", "customer"), settings={"IDEMPOTENT_SQL": False})
AMONG_OTHERS = of(
    "among_others",
    AddField("thing", "more", models.IntegerField(null=True, unique=True)),
    RemoveField("thing", "customer"),
    AddField("thing", "last", models.IntegerField(db_index=True, null=True)),
)
COLUMNS = of("renamed_columns", RenameField("thing", "name", "title"), RenameField("thing", "customer", "client"))
TABLES = of(
    "renamed_tables",
    AddField("customer", "more", models.IntegerField(null=True)),
    RenameModel("Thing", "Item"),
    RenameModel("Customer", "Client"),
    AddField("item", "last", models.IntegerField(db_index=True, null=True)),
)
NEW = of(
    "new_columns",
    AddField("thing", "more", models.CharField(max_length=10, default="it's")),
    AddField("thing", "last", models.PositiveIntegerField(default=3, db_index=True)),
    AddField("thing", "seller", models.ForeignKey(f"{APP}.Customer", models.CASCADE, related_name="+", default=1)),
)
STRICTER = of(
    "not_null",
    AlterField("thing", "b", models.IntegerField(default=3)),
    AlterField("thing", "c", models.CharField(max_length=20, default="it's", db_index=True)),
)
IN_HALVES: list[Operation] = [
    RemoveField("thing", "customer"),
    AlterField("thing", "b", models.IntegerField(default=3)),
    AddField("thing", "more", models.CharField(max_length=10, default="it's")),
]
HALF = of("expand", AddField("thing", "last", models.IntegerField(null=True)), Expand(IN_HALVES))
CONTRACT = More("0003_contract", [SafetyAssured([Contract(IN_HALVES)], reason="no old code runs")])
OTHER_HALF = of("half_contract", Expand(IN_HALVES), more=(CONTRACT,), first=(APP, CHANGE))
REPLACED = of(
    "replaced",
    ReplaceField("thing", "a", "tens", models.BigIntegerField(unique=True), models.F("a") * 10, models.F("tens") / 10),
)
SCENARIOS = [
    *(REPLACED, back(REPLACED), dropped(REPLACED)),
    *(HALF, back(HALF), OTHER_HALF, back(OTHER_HALF)._replace(arguments=(APP, CHANGE))),
    *(FIELDS, MODEL, AMONG_OTHERS, COLUMNS, TABLES, NEW, STRICTER),
    *map(back, (FIELDS, MODEL, AMONG_OTHERS, COLUMNS, TABLES, NEW, STRICTER)),
    *map(dropped, (FIELDS, MODEL, COLUMNS, TABLES, NEW, STRICTER)),
]
#: These do not recover at every point, since it is not known where a killed run without a journal was.
PLAIN_NAME = of(
    "renamed_without_a_journal", RenameField("thing", "customer", "client"), settings={"IDEMPOTENT_SQL": False}
)
WITHOUT_A_JOURNAL = [PLAIN, back(PLAIN), dropped(PLAIN), PLAIN_NAME, back(PLAIN_NAME), dropped(PLAIN_NAME)]
