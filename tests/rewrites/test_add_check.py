"""A check that is added NOT VALID, and validated by an operation of its own."""

from __future__ import annotations

import pytest
from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import migrations, models
from django.db.models import Q

from tests.backends.fixtures import Twins
from tests.operations.case import check


@pytest.mark.parametrize("name", ["positive", "Is Positive", "Größe"])
def test_validated_by_an_operation_of_its_own(twins: Twins, name: str) -> None:
    fields = [("id", models.BigAutoField(primary_key=True)), ("pages", models.IntegerField())]
    twins.migrate(migrations.CreateModel("book", fields))
    twins.migrate(AddConstraintNotValid("book", check(Q(pages__gt=0), name)))
    twins.migrate(ValidateConstraint("book", name))
    assert twins.ours.run("SELECT convalidated FROM pg_constraint WHERE conname = %s", name) == [(True,)]
