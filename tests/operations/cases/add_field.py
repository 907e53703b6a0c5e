"""AddField and its reverse, RemoveField of what was added."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.migrations.operations import AddField, AlterField, CreateModel
from django.db.migrations.operations.base import Operation
from django.db.models import F
from django.db.models.functions import Lower, Now

from .. import features
from ..case import TABLESPACE, Case, fk, model, one_to_one


def thing(**fields: Any) -> CreateModel:
    return model("Thing", name=models.CharField(max_length=50), **fields)


def parent() -> CreateModel:
    return model("Parent", code=models.CharField(max_length=20, unique=True))


def seven() -> int:
    return 7


def _case(name: str, field: models.Field[Any, Any], *before: Operation, **options: Any) -> Case:
    return Case(f"add_field/{name}", [*before, thing()], [AddField("thing", "added", field)], **options)


def _preserve(name: str, field: models.Field[Any, Any], *before: Operation, **options: Any) -> Case:
    operation = AddField("thing", "added", field, preserve_default=False)
    return Case(f"add_field/{name}", [*before, thing()], [operation], **options)


CASES = [
    _case("null", models.IntegerField(null=True)),
    _case("null_with_default", models.IntegerField(null=True, default=5)),
    _case("not_null_with_default", models.IntegerField(default=5)),
    _case("not_null_with_string_default", models.CharField(max_length=20, default="it's 100% new")),
    _case("not_null_with_callable_default", models.IntegerField(default=seven)),
    _case("not_null_with_implicit_empty_string", models.CharField(max_length=20, blank=True)),
    _preserve("one_off_default", models.IntegerField(default=5)),
    _case("text", models.TextField(null=True)),
    _case("boolean", models.BooleanField(default=False)),
    _case("json", models.JSONField(default=dict)),
    _case("auto_now_add", models.DateTimeField(auto_now_add=True), random=("added",)),
    _case("unique_integer", models.IntegerField(null=True, unique=True)),
    _case("unique_char", models.CharField(max_length=20, null=True, unique=True)),
    _case("unique_text", models.TextField(null=True, unique=True)),
    _case("indexed_integer", models.IntegerField(null=True, db_index=True)),
    _case("indexed_char", models.CharField(max_length=20, null=True, db_index=True)),
    _case("indexed_text_with_default", models.TextField(default="x", db_index=True)),
    _case("slug", models.SlugField(null=True)),
    _case("one_to_one", one_to_one("parent", null=True), parent()),
    _case("one_to_one_not_null", one_to_one("parent", null=True, related_name="+"), parent()),
    _case("foreign_key_null", fk("parent", null=True), parent()),
    _case("foreign_key_with_default", fk("parent", default=1), parent()),
    _case("foreign_key_to_unique_char", fk("parent", to_field="code", null=True), parent()),
    _case("foreign_key_without_constraint", fk("parent", null=True, db_constraint=False), parent()),
    _case("foreign_key_without_index", fk("parent", null=True, db_index=False), parent()),
    _case("foreign_key_unique", fk("parent", null=True, unique=True), parent()),
    _case("foreign_key_to_self", fk("thing", null=True)),
    _case("positive_integer_null", models.PositiveIntegerField(null=True)),
    _case("positive_integer_with_default", models.PositiveIntegerField(default=0)),
    _case("positive_integer_unique", models.PositiveSmallIntegerField(null=True, unique=True)),
    _case("db_comment", models.IntegerField(null=True, db_comment="It's commented")),
    _case("db_collation", models.CharField(max_length=10, null=True, db_collation="C")),
    _case("db_collation_indexed", models.CharField(max_length=10, null=True, db_collation="C", db_index=True)),
    _case("unique_in_tablespace", models.IntegerField(null=True, unique=True, db_tablespace=TABLESPACE)),
    _case("indexed_in_tablespace", models.CharField(max_length=9, null=True, db_index=True, db_tablespace=TABLESPACE)),
    _case("db_column", models.IntegerField(null=True, db_column="Other Name", db_index=True)),
    _case("many_to_many", models.ManyToManyField("app.parent"), parent()),
    _case("many_to_many_to_self", models.ManyToManyField("app.thing")),
    Case(
        "add_field/many_to_many_through",
        [parent(), thing(), model("Link", parent=fk("parent"), thing=fk("thing"))],
        [AddField("thing", "parents", models.ManyToManyField("app.parent", through="app.Link"))],
    ),
    Case(
        "add_field/two_in_one_migration",
        [parent(), thing()],
        [
            AddField("thing", "one", fk("parent", null=True)),
            AddField("thing", "two", models.SlugField(unique=True, null=True)),
        ],
    ),
    Case(
        "add_field/unique_then_not_unique",
        [thing()],
        [
            AddField("thing", "added", models.IntegerField(null=True, unique=True)),
            AlterField("thing", "added", models.IntegerField(null=True)),
        ],
    ),
    # Stock Django leaves the index, which it has not made yet when it looks, and fails on the way back.
    Case(
        "add_field/index_then_none",
        [thing()],
        [
            AddField("thing", "added", models.IntegerField(null=True, db_index=True)),
            AlterField("thing", "added", models.IntegerField(null=True)),
        ],
        renames_deferred=True,
        reversible=False,
    ),
    Case(
        "add_field/foreign_key_then_one_to_one",
        [parent(), thing()],
        [
            AddField("thing", "added", fk("parent", null=True)),
            AlterField("thing", "added", one_to_one("parent", null=True)),
        ],
        renames_deferred=True,
        reversible=False,
    ),
    Case(
        "add_field/primary_key_instead_of_another",
        [model("Bare", old=models.IntegerField(primary_key=True))],
        [
            AlterField("bare", "old", models.IntegerField()),
            AddField("bare", "new", models.IntegerField(primary_key=True, default=0), preserve_default=False),
        ],
        data=("DELETE FROM app_bare WHERE old > 1",),
    ),
    Case(
        "add_field/auto_primary_key_instead_of_another",
        [model("Bare", old=models.IntegerField(primary_key=True))],
        [
            AlterField("bare", "old", models.IntegerField()),
            AddField("bare", "id", models.BigAutoField(primary_key=True)),
        ],
        reversible=False,
    ),
]
# Django 4.2 leaves the useless index for LIKE, and fails on the way back; ours drops it.
if features.db_default:
    CASES.append(
        Case(
            "add_field/unique_text_then_not_unique",
            [thing()],
            [
                AddField("thing", "added", models.SlugField(null=True, unique=True)),
                AlterField("thing", "added", models.SlugField(null=True, db_index=False)),
            ],
        )
    )

if features.db_default:
    from django.db.models.functions import Random

    CASES += [
        _case("db_default", models.IntegerField(db_default=5)),
        _case("db_default_text", models.CharField(max_length=20, db_default="it's 100% new")),
        _case("db_default_null", models.IntegerField(null=True, db_default=5)),
        _case("db_default_now", models.DateTimeField(db_default=Now()), random=("added",)),
        _case("db_default_volatile", models.FloatField(db_default=Random()), random=("added",)),
        _case("db_default_unique", models.CharField(max_length=3, null=True, db_default=None, unique=True)),
        _case("db_default_positive", models.PositiveIntegerField(db_default=1)),
        _case("db_default_foreign_key", fk("parent", db_default=1), parent()),
    ]
if features.generated:
    CASES += [
        _case(
            "generated_stored",
            models.GeneratedField(
                expression=Lower("name"), output_field=models.CharField(max_length=50), db_persist=True
            ),
        ),
        _case(
            "generated_stored_unique",
            models.GeneratedField(
                expression=F("id") + 1, output_field=models.BigIntegerField(), db_persist=True, unique=True
            ),
        ),
    ]
if features.virtual_generated:
    CASES += [
        _case(
            "generated_virtual",
            models.GeneratedField(
                expression=Lower("name"), output_field=models.CharField(max_length=50), db_persist=False
            ),
        ),
    ]
if features.db_on_delete:
    CASES += [
        _case("foreign_key_db_cascade", fk("parent", null=True, on_delete=models.DB_CASCADE), parent()),
        _case("foreign_key_db_set_null", fk("parent", null=True, on_delete=models.DB_SET_NULL), parent()),
    ]
