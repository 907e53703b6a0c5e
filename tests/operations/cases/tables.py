"""CreateModel, DeleteModel, renames and the options of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import IntegerRangeField, RangeOperators
from django.contrib.postgres.operations import BloomExtension, CreateCollation, RemoveCollation
from django.db import models
from django.db.migrations.operations import (
    AddField,
    AlterField,
    AlterModelTable,
    AlterModelTableComment,
    AlterOrderWithRespectTo,
    AlterUniqueTogether,
    CreateModel,
    DeleteModel,
    RenameField,
    RenameModel,
)
from django.db.migrations.operations.base import Operation
from django.db.models import Index, Q, UniqueConstraint
from django.db.models.functions import Lower

from .. import features
from ..case import TABLESPACE, Case, MoveTable, check, fk, model, one_to_one


def parent(**fields: Any) -> CreateModel:
    return model("Parent", code=models.CharField(max_length=20, unique=True, null=True), **fields)


def child(**options: Any) -> CreateModel:
    return model("Child", parent=fk("parent", null=True), **options)


def _create(name: str, *operations: Operation, before: Sequence[Operation] = (), **options: Any) -> Case:
    return Case(f"create_model/{name}", [parent(), *before], list(operations), **options)


CREATE = [
    _create("plain", model("New", number=models.IntegerField(), text=models.TextField(db_index=True))),
    _create("foreign_key_to_a_table_in_use", model("New", parent=fk("parent"), slug=models.SlugField())),
    _create("foreign_key_to_a_unique_column", model("New", parent=fk("parent", to_field="code", null=True))),
    _create("one_to_one_primary_key", model("New", parent=one_to_one("parent", primary_key=True))),
    _create("multi_table_inheritance", model("New", more=models.IntegerField(), bases=("app.parent",))),
    _create("many_to_many", model("New", parents=models.ManyToManyField("app.parent"))),
    _create("many_to_many_to_self", model("New", others=models.ManyToManyField("self"))),
    _create("foreign_key_to_itself", model("New", above=fk("new", null=True))),
    _create(
        "circle",
        model("One"),
        model("Two", one=fk("one"), parent=fk("parent")),
        AddField("one", "two", fk("two", null=True)),
    ),
    _create(
        "indexes_and_constraints",
        model(
            "New",
            a=models.PositiveIntegerField(unique=True),
            b=models.CharField(max_length=30),
            period=IntegerRangeField(),
            options={
                "unique_together": {("a", "b")},
                "indexes": [Index(fields=["-a"], name="down"), Index(Lower("b"), name="lower")],
                "constraints": [
                    check(Q(a__lt=100), "small"),
                    UniqueConstraint(fields=["b"], condition=Q(a=1), name="partial"),
                    ExclusionConstraint(name="apart", expressions=[("period", RangeOperators.OVERLAPS)]),
                ],
                "db_table_comment": "It's new",
            },
        ),
    ),
    _create(
        "and_changed_at_once",
        model("New", a=models.IntegerField(null=True)),
        AddField("new", "b", fk("parent", null=True)),
        AlterField("new", "a", models.CharField(max_length=20, db_index=True, default="")),
    ),
    _create("and_deleted_at_once", model("New", parent=fk("parent")), DeleteModel("New")),
    _create(
        "and_renamed_at_once",
        model("New", parent=fk("parent"), slug=models.SlugField()),
        RenameModel("New", "Newer"),
        renames_deferred=True,
    ),
    _create("tablespace", model("New", a=models.IntegerField(db_index=True), options={"db_tablespace": TABLESPACE})),
    _create("unmanaged", model("New", a=models.IntegerField(), options={"managed": False})),
    _create("proxy", model("New", bases=("app.parent",), options={"proxy": True})),
    _create("ordered_with_respect_to", model("New", parent=fk("parent"), options={"order_with_respect_to": "parent"})),
]
DELETE = [
    Case("delete_model/plain", [parent(), child()], [DeleteModel("Child")]),
    Case("delete_model/alone", [parent()], [DeleteModel("Parent")]),
    Case("delete_model/foreign_key_to_itself", [model("Thing", above=fk("thing", null=True))], [DeleteModel("Thing")]),
    Case(
        "delete_model/many_to_many",
        [parent(), model("Thing", parents=models.ManyToManyField("app.parent"))],
        [DeleteModel("Thing")],
    ),
    Case(
        "delete_model/many_to_many_to_itself",
        [model("Thing", others=models.ManyToManyField("self"))],
        [DeleteModel("Thing")],
    ),
    Case("delete_model/both_sides", [parent(), child()], [DeleteModel("Child"), DeleteModel("Parent")]),
    Case(
        "delete_model/referenced_first",
        [parent(), child()],
        [
            AlterField("child", "parent", fk("parent", null=True, db_constraint=False)),
            DeleteModel("Child"),
            DeleteModel("Parent"),
        ],
    ),
    Case(
        "delete_model/two_foreign_keys",
        [parent(), child(), model("Thing", a=fk("parent"), b=fk("child"), c=fk("parent", related_name="+"))],
        [DeleteModel("Thing")],
    ),
    Case(
        "delete_model/inherited",
        [parent(), model("Heir", more=models.IntegerField(null=True), bases=("app.parent",))],
        [DeleteModel("Heir")],
    ),
]
RENAME = [
    Case("rename_model/plain", [model("Thing", a=models.IntegerField())], [RenameModel("Thing", "Other")]),
    Case("rename_model/referenced", [parent(), child()], [RenameModel("Parent", "Elder")]),
    Case("rename_model/referencing", [parent(), child()], [RenameModel("Child", "Heir")]),
    Case(
        "rename_model/foreign_key_to_itself",
        [model("Thing", above=fk("thing", null=True))],
        [RenameModel("Thing", "Other")],
    ),
    Case(
        "rename_model/many_to_many",
        [parent(), model("Thing", parents=models.ManyToManyField("app.parent"))],
        [RenameModel("Thing", "Other")],
    ),
    Case(
        "rename_model/target_of_many_to_many",
        [parent(), model("Thing", parents=models.ManyToManyField("app.parent"))],
        [RenameModel("Parent", "Elder")],
    ),
    Case(
        "rename_model/many_to_many_to_itself",
        [model("Thing", others=models.ManyToManyField("self"))],
        [RenameModel("Thing", "Other")],
    ),
    Case(
        "rename_model/and_add_field",
        [parent(), child()],
        [RenameModel("Child", "Heir"), AddField("heir", "slug", models.SlugField(null=True, unique=True))],
    ),
    Case("rename_field/plain", [model("Thing", a=models.IntegerField())], [RenameField("thing", "a", "b")]),
    Case(
        "rename_field/unique",
        [model("Thing", a=models.CharField(max_length=9, unique=True))],
        [RenameField("thing", "a", "b")],
    ),
    Case("rename_field/foreign_key", [parent(), child()], [RenameField("child", "parent", "elder")]),
    Case(
        "rename_field/target_of_foreign_key",
        [parent(), model("Child", parent=fk("parent", to_field="code", null=True))],
        [RenameField("parent", "code", "key")],
    ),
    Case(
        "rename_field/positive",
        [model("Thing", a=models.PositiveIntegerField(db_index=True))],
        [RenameField("thing", "a", "b")],
    ),
    Case(
        "rename_field/in_unique_together",
        [model("Thing", a=models.IntegerField(), b=models.IntegerField(), options={"unique_together": {("a", "b")}})],
        [RenameField("thing", "a", "c"), AlterUniqueTogether("thing", set())],
    ),
    Case(
        "rename_field/primary_key",
        [model("Parent", key=models.BigAutoField(primary_key=True)), model("Child", parent=fk("parent"))],
        [RenameField("parent", "key", "id")],
    ),
    Case(
        "rename_field/same_column",
        [model("Thing", a=models.IntegerField(db_column="x"))],
        [RenameField("thing", "a", "b")],
    ),
    Case(
        "rename_field/and_back",
        [model("Thing", a=models.IntegerField())],
        [RenameField("thing", "a", "b"), RenameField("thing", "b", "a")],
    ),
    Case("alter_model_table/plain", [parent(), child()], [AlterModelTable("parent", "elders")]),
    Case(
        "alter_model_table/many_to_many",
        [parent(), model("Thing", parents=models.ManyToManyField("app.parent"))],
        [AlterModelTable("thing", "things")],
    ),
    Case("alter_model_table/mixed_case", [parent(), child()], [AlterModelTable("child", "Some Children")]),
]
OPTIONS = [
    Case("alter_db_tablespace", [parent(), child()], [MoveTable("child", "pg_default", TABLESPACE)]),
    Case("alter_model_table_comment/set", [parent()], [AlterModelTableComment("parent", "It's about parents")]),
    Case(
        "alter_model_table_comment/change",
        [parent(), model("T", options={"db_table_comment": "old"})],
        [AlterModelTableComment("t", "new")],
    ),
    Case(
        "alter_model_table_comment/remove",
        [model("T", options={"db_table_comment": "old"})],
        [AlterModelTableComment("t", None)],  # type: ignore[arg-type]
    ),
    Case("alter_order_with_respect_to/set", [parent(), child()], [AlterOrderWithRespectTo("child", "parent")]),
    Case(
        "alter_order_with_respect_to/remove",
        [parent(), child(options={"order_with_respect_to": "parent"})],
        [AlterOrderWithRespectTo("child", None)],
    ),
]
DATABASE = [
    Case("create_extension", [parent()], [BloomExtension()]),
    Case("create_collation", [parent()], [CreateCollation("plain", "C", provider="libc")]),
    Case(
        "remove_collation",
        [parent()],
        [RemoveCollation("plain", "C", provider="libc")],
        data=("CREATE COLLATION plain (locale = 'C')",),
    ),
]
CASES = [*CREATE, *DELETE, *RENAME, *OPTIONS, *DATABASE]
if features.composite_pk:
    CASES += [
        _create(
            "composite_primary_key",
            model(
                "New",
                pk=models.CompositePrimaryKey("parent_id", "number"),
                parent=fk("parent"),
                number=models.IntegerField(),
            ),
        ),
    ]
if features.db_default:
    CASES += [
        _create("db_default", model("New", a=models.IntegerField(db_default=4), b=models.TextField(db_default="x")))
    ]
if features.db_on_delete:
    CASES += [_create("db_cascade", model("New", parent=fk("parent", on_delete=models.DB_CASCADE)))]
