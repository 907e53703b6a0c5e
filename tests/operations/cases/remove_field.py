"""RemoveField and its reverse, AddField."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import IntegerRangeField, RangeOperators
from django.db import models
from django.db.migrations.operations import CreateModel, RemoveField
from django.db.migrations.operations.base import Operation
from django.db.models import F, Index, Q, UniqueConstraint
from django.db.models.functions import Lower

from .. import features
from ..case import Case, check, fk, model, one_to_one


def _case(
    name: str, field: models.Field[Any, Any], *before: Operation, options: dict[str, Any] | None = None, **case: Any
) -> Case:
    table = model("Thing", keep=models.CharField(max_length=20), options=options, gone=field)
    return Case(f"remove_field/{name}", [*before, table], [RemoveField("thing", "gone")], **case)


def _number(name: str, **options: Any) -> Case:
    return _case(name, models.IntegerField(null=True), options=options)


def parent() -> CreateModel:
    return model("Parent", code=models.CharField(max_length=20, unique=True, null=True))


CASES = [
    _case("plain", models.IntegerField(null=True)),
    _case("not_null_string", models.CharField(max_length=20, default="")),
    _case("unique", models.IntegerField(null=True, unique=True)),
    _case("unique_char", models.CharField(max_length=20, null=True, unique=True)),
    _case("indexed_char", models.CharField(max_length=20, null=True, db_index=True)),
    _case("positive_integer", models.PositiveIntegerField(null=True)),
    _case("foreign_key", fk("parent", null=True), parent()),
    _case("one_to_one", one_to_one("parent", null=True), parent()),
    _case("foreign_key_to_self", fk("thing", null=True)),
    _case("foreign_key_without_constraint", fk("parent", null=True, db_constraint=False), parent()),
    _case("many_to_many", models.ManyToManyField("app.parent"), parent()),
    _case("many_to_many_to_self", models.ManyToManyField("app.thing")),
    _case("db_comment", models.IntegerField(null=True, db_comment="about it")),
    _case(
        "key_of_index", models.IntegerField(null=True), options={"indexes": [Index(fields=["gone", "keep"], name="i")]}
    ),
    _number("in_expression", indexes=[Index(F("gone") + 1, Lower("keep"), name="expression")]),
    _number("in_predicate", indexes=[Index(fields=["keep"], name="partial", condition=Q(gone__gt=5))]),
    _number("in_include", indexes=[Index(fields=["keep"], name="covering", include=["gone"])]),
    _number("in_unique_together", unique_together={("keep", "gone")}),
    _number("in_unique_constraint", constraints=[UniqueConstraint(fields=["keep", "gone"], name="pair")]),
    _number(
        "in_unique_condition",
        constraints=[UniqueConstraint(fields=["keep"], name="partial", condition=Q(gone__isnull=False))],
    ),
    _number("in_check", constraints=[check(Q(gone__gt=0), "positive")]),
    _number("in_check_of_two", constraints=[check(Q(gone__gt=0) | Q(keep="x"), "either")]),
    _case(
        "in_exclusion",
        IntegerRangeField(null=True),
        options={
            "constraints": [ExclusionConstraint(name="apart", expressions=[("gone", RangeOperators.OVERLAPS)])],
        },
    ),
    Case(
        "remove_field/target_of_to_field",
        [
            model("Parent", code=models.CharField(max_length=20, unique=True, null=True), keep=models.IntegerField()),
            model("Child", parent=fk("parent", to_field="code", null=True)),
        ],
        [RemoveField("child", "parent"), RemoveField("parent", "code")],
    ),
    Case(
        "remove_field/many_to_many_through",
        [
            parent(),
            model("Thing", keep=models.IntegerField()),
            model("Link", parent=fk("parent"), thing=fk("thing")),
        ],
        [RemoveField("link", "thing")],
        reversible=False,
    ),
    Case(
        "remove_field/two_of_a_unique_together",
        [
            model(
                "Thing",
                a=models.IntegerField(null=True),
                b=models.SlugField(null=True),
                options={"unique_together": {("a", "b")}},
            )
        ],
        [RemoveField("thing", "a"), RemoveField("thing", "b")],
        reversible=False,
    ),
]
if features.generated:
    CASES += [
        _case(
            "generated_stored",
            models.GeneratedField(
                expression=Lower("keep"), output_field=models.CharField(max_length=20), db_persist=True, unique=True
            ),
        ),
    ]
if features.composite_pk:
    CASES += [
        Case(
            "remove_field/beside_composite_primary_key",
            [
                model(
                    "Thing",
                    pk=models.CompositePrimaryKey("a", "b"),
                    a=models.IntegerField(),
                    b=models.IntegerField(),
                    c=models.IntegerField(null=True),
                )
            ],
            [RemoveField("thing", "c")],
        ),
        Case(
            "remove_field/member_of_composite_primary_key",
            [
                model(
                    "Thing",
                    pk=models.CompositePrimaryKey("a", "b"),
                    a=models.IntegerField(),
                    b=models.IntegerField(),
                )
            ],
            [RemoveField("thing", "pk"), RemoveField("thing", "b")],
            reversible=False,
        ),
    ]
