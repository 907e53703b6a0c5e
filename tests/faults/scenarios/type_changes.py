"""Online changes of type, and the operations before and after them in their migration."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.migrations.operations import AddConstraint, AddField, AddIndex, AlterField
from django.db.migrations.operations.base import Operation
from django.db.models import Index, Q
from django.db.models.functions import Random

from tests.operations import features
from tests.operations.case import check, fk, model, one_to_one

from .backfills import MANY
from .chains import char, integer
from .scenario import Scenario, back, scenario

#: The settings make the smallest batches.
SETTINGS = {"ONLINE_TYPE_CHANGES": True, "BACKFILL_BATCH_TIME": "1ms", "BACKFILL_LOAD": 1.0}
BELONGS = (
    "CREATE STATISTICS both_of_them ON a, name FROM app_thing",
    "COMMENT ON COLUMN app_thing.a IS 'a number'",
    "GRANT SELECT (a) ON app_thing TO PUBLIC",
)


def of(
    name: str, *operations: Operation, data: tuple[str, ...] = (), random: tuple[str, ...] = (), **options: Any
) -> Scenario:
    table = model("Thing", a=models.IntegerField(db_index=True), name=char(), options=options)
    return scenario(f"online/{name}", [table], *operations, data=(MANY, *data), settings=SETTINGS, random=random)


TREE = [
    model("Parent", id=models.AutoField(primary_key=True), above=fk("parent", null=True)),
    model("Child", parent=fk("parent"), tag=integer()),
    model("Node", parent=one_to_one("parent", primary_key=True)),
]
BIG_KEY = AlterField("parent", "id", models.BigAutoField(primary_key=True))

SCENARIOS = [
    scenario("online/key_with_children", TREE, BIG_KEY, settings=SETTINGS),
    of(
        "all_that_belongs_to_it",
        AlterField("thing", "a", models.BigIntegerField(db_index=True)),
        data=BELONGS,
        constraints=[check(Q(a__gt=-1), name="not_negative"), models.UniqueConstraint(fields=["id", "a"], name="both")],
        indexes=[Index(fields=["name"], name="some", condition=Q(a__gt=5))],
    ),
    of(
        "between_others",
        AddField("thing", "b", integer()),
        AlterField("thing", "a", models.BigIntegerField()),
        AddConstraint("thing", check(Q(a__gt=-1), name="not_negative")),
        AddIndex("thing", Index(fields=["a", "b"], name="new")),
    ),
]
# The way back is done online as well. A run that fills few rows sends the same statements each time.
SCENARIOS.append(back(SCENARIOS[0]))
if features.db_default:
    TOKEN = AddField("thing", "token", models.FloatField(db_default=Random(), unique=True))
    SCENARIOS.append(of("volatile", TOKEN, random=("token",)))
