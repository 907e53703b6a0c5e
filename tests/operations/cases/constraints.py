"""AddConstraint, RemoveConstraint, and their NOT VALID forms."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import IntegerRangeField, RangeOperators
from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import models
from django.db.migrations import operations
from django.db.migrations.operations import AddConstraint, CreateModel, RemoveConstraint
from django.db.models import BaseConstraint, CheckConstraint, Deferrable, F, Func, Q, UniqueConstraint
from django.db.models.functions import Lower

from .. import features
from ..case import Case, check, model


def thing(*constraints: BaseConstraint) -> CreateModel:
    return model(
        "Thing",
        a=models.IntegerField(),
        b=models.CharField(max_length=50),
        c=models.IntegerField(null=True),
        period=IntegerRangeField(),
        options={"constraints": list(constraints)},
    )


def unique(*expressions: Any, **options: Any) -> UniqueConstraint:
    return UniqueConstraint(*expressions, name="one", **options)


CONSTRAINTS = {
    "check": check(Q(a__gt=0), "positive"),
    "check_with_percent": check(~Q(b__contains="100%'"), "percent"),
    "check_of_expressions": check(Q(a__gte=F("c") - 5) | Q(b__startswith="v"), "either"),
    "unique": unique(fields=["a"]),
    "unique_of_two": unique(fields=["a", "b"]),
    "unique_include": unique(fields=["a"], include=["b"]),
    "unique_condition": unique(fields=["a"], condition=Q(b="x%y")),
    "unique_expressions": unique(Lower("b"), "a"),
    "unique_opclasses": unique(fields=["b"], opclasses=["varchar_pattern_ops"]),
    "unique_deferrable": unique(fields=["a"], deferrable=Deferrable.DEFERRED),
    "unique_deferrable_immediate": unique(fields=["a"], deferrable=Deferrable.IMMEDIATE),
    "exclusion": ExclusionConstraint(name="apart", expressions=[("period", RangeOperators.OVERLAPS)]),
    "exclusion_of_more": ExclusionConstraint(
        name="apart",
        expressions=[(Func("a", "c", function="int4range"), RangeOperators.OVERLAPS)],
        condition=Q(a__lt=0),
        include=["b"],
        deferrable=Deferrable.DEFERRED,
    ),
}
if features.nulls_distinct:
    CONSTRAINTS |= {
        "unique_nulls_not_distinct": unique(fields=["c"], nulls_distinct=False),
        "unique_nulls_distinct": unique(fields=["c"], nulls_distinct=True),
        "unique_nulls_not_distinct_condition": unique(fields=["c"], nulls_distinct=False, condition=Q(a__gt=4)),
    }
CASES = [
    Case(f"add_constraint/{name}", [thing()], [AddConstraint("thing", constraint)])
    for name, constraint in CONSTRAINTS.items()
]
CASES += [
    Case(
        f"remove_constraint/{name}",
        [thing(CONSTRAINTS[name])],
        [RemoveConstraint("thing", CONSTRAINTS[name].name)],
    )
    for name in ("check", "unique", "unique_condition", "unique_expressions", "exclusion", "unique_include")
]
CASES += [
    Case("add_constraint_not_valid", [thing()], [AddConstraintNotValid("thing", CONSTRAINTS["check"])]),
    Case(
        "add_constraint_not_valid/and_validate",
        [thing()],
        [AddConstraintNotValid("thing", CONSTRAINTS["check"]), ValidateConstraint("thing", "positive")],
    ),
    Case(
        "add_constraint/two",
        [thing()],
        [AddConstraint("thing", CONSTRAINTS["check"]), AddConstraint("thing", CONSTRAINTS["unique_of_two"])],
    ),
]
if features.alter_constraint:
    CASES += [
        Case(
            "alter_constraint/message",
            [thing(CONSTRAINTS["check"])],
            [
                operations.AlterConstraint(
                    "thing",
                    "positive",
                    CheckConstraint(condition=Q(a__gt=0), name="positive", violation_error_message="not positive"),
                )
            ],
        ),
    ]
