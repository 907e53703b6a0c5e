from __future__ import annotations

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import IntegerRangeField
from django.db import migrations, models

from django_zero_downtime_migrations.locks import LockMode

from .verbs import assert_finding, assert_safe

ROOM = migrations.CreateModel("room", [("id", models.BigAutoField(primary_key=True)), ("days", IntegerRangeField())])
ALONE = migrations.AddConstraint("room", ExclusionConstraint(name="alone", expressions=[("days", "&&")]))


def test_exclusion_constraint(shop):
    shop.migrate(ROOM)
    found = assert_finding(shop, "ADD_CONSTRAINT_EXCLUDE", ALONE, names=('"alone"', '"shop_room"'))
    assert (found.origin.app, found.origin.model, found.lock) == ("shop", "room", LockMode.ACCESS_EXCLUSIVE)


def test_exclusion_constraint_of_a_new_table(shop):
    assert_safe(shop, ROOM, ALONE)
