"""AlterField of primary keys, foreign keys, and what foreign keys point to."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.migrations.operations import AlterField, CreateModel
from django.db.migrations.operations.base import Operation

from .. import features
from ..case import Case, fk, model, one_to_one


def parent(**fields: Any) -> CreateModel:
    return model("Parent", code=models.CharField(max_length=20, unique=True, null=True), **fields)


def other() -> CreateModel:
    return model("Other")


def _relation(
    name: str, old: models.Field[Any, Any], new: models.Field[Any, Any], *before: Operation, **case: Any
) -> Case:
    return Case(
        f"alter_field/{name}", [parent(), *before, model("Thing", x=old)], [AlterField("thing", "x", new)], **case
    )


def _target(
    name: str, old: models.Field[Any, Any], new: models.Field[Any, Any], *others: Operation, **case: Any
) -> Case:
    before = [model("Parent", id=old), *others]
    return Case(f"alter_field/{name}", before, [AlterField("parent", "id", new)], **case)


def children() -> list[CreateModel]:
    return [
        model("Child", parent=fk("parent", null=True)),
        model("Friend", parents=models.ManyToManyField("app.parent")),
        model("Node", parent=one_to_one("parent", primary_key=True)),
    ]


SERIAL = (
    "ALTER TABLE app_parent ALTER id DROP IDENTITY IF EXISTS",
    "CREATE SEQUENCE app_parent_id_seq AS integer OWNED BY app_parent.id",
    "SELECT setval('app_parent_id_seq', 1000)",
    "ALTER TABLE app_parent ALTER id SET DEFAULT nextval('app_parent_id_seq')",
)
RELATIONS = [
    _relation("foreign_key_to_one_to_one", fk("parent"), one_to_one("parent")),
    _relation("foreign_key_null_to_one_to_one", fk("parent", null=True), one_to_one("parent", null=True)),
    _relation("one_to_one_to_foreign_key", one_to_one("parent"), fk("parent")),
    _relation("foreign_key_to_integer", fk("parent"), models.BigIntegerField(db_column="x_id")),
    _relation("integer_to_foreign_key", models.BigIntegerField(db_column="x_id"), fk("parent")),
    _relation("integer_to_foreign_key_renamed", models.BigIntegerField(), fk("parent")),
    _relation("one_to_one_to_integer", one_to_one("parent"), models.BigIntegerField(db_column="x_id")),
    _relation("integer_to_one_to_one", models.BigIntegerField(db_column="x_id"), one_to_one("parent")),
    _relation(
        "unique_integer_to_one_to_one", models.BigIntegerField(db_column="x_id", unique=True), one_to_one("parent")
    ),
    _relation("foreign_key_to_another_table", fk("parent"), fk("other"), other()),
    _relation(
        "foreign_key_to_another_column",
        fk("parent"),
        fk("parent", to_field="code", null=True),
        reversible=False,
        data=("UPDATE app_parent SET code = id",),
    ),
    _relation("foreign_key_constraint_off", fk("parent"), fk("parent", db_constraint=False)),
    _relation("foreign_key_constraint_on", fk("parent", db_constraint=False), fk("parent")),
    _relation("foreign_key_index_off", fk("parent"), fk("parent", db_index=False)),
    _relation("foreign_key_index_on", fk("parent", db_index=False), fk("parent")),
    _relation("foreign_key_column_renamed", fk("parent"), fk("parent", db_column="elder")),
    _relation("foreign_key_on_delete_in_python", fk("parent"), fk("parent", on_delete=models.PROTECT)),
    _relation("foreign_key_to_self_null", fk("thing"), fk("thing", null=True)),
    _relation("foreign_key_null_and_table", fk("parent"), fk("other", null=True), other()),
]
KEYS = [
    _target("auto_to_big_auto", models.AutoField(primary_key=True), models.BigAutoField(primary_key=True)),
    _target(
        "auto_to_big_auto_referenced",
        models.AutoField(primary_key=True),
        models.BigAutoField(primary_key=True),
        *children(),
    ),
    _target(
        "auto_to_big_auto_and_itself",
        models.AutoField(primary_key=True),
        models.BigAutoField(primary_key=True),
        model("Heir", parent=fk("parent"), above=fk("heir", null=True)),
    ),
    _target("integer_to_auto", models.IntegerField(primary_key=True), models.AutoField(primary_key=True)),
    _target(
        "integer_to_big_auto_referenced",
        models.IntegerField(primary_key=True),
        models.BigAutoField(primary_key=True),
        *children(),
    ),
    _target("auto_to_integer", models.AutoField(primary_key=True), models.IntegerField(primary_key=True), *children()),
    _target("small_auto_to_auto", models.SmallAutoField(primary_key=True), models.AutoField(primary_key=True)),
    _target(
        "serial_to_big_auto",
        models.AutoField(primary_key=True),
        models.BigAutoField(primary_key=True),
        *children(),
        data=SERIAL,
    ),
    _target(
        "serial_to_integer", models.AutoField(primary_key=True), models.IntegerField(primary_key=True), data=SERIAL
    ),
    _target(
        "serial_to_big_auto_renamed",
        models.AutoField(primary_key=True),
        models.BigAutoField(primary_key=True, db_column="key"),
        data=SERIAL,
    ),
    _target(
        "integer_key_to_text",
        models.IntegerField(primary_key=True),
        models.CharField(max_length=20, primary_key=True),
        *children(),
        reversible=False,
    ),
    _target(
        "key_renamed",
        models.BigAutoField(primary_key=True),
        models.BigAutoField(primary_key=True, db_column="Key"),
        *children(),
    ),
    Case(
        "alter_field/unique_to_primary_key",
        [model("Thing", old=models.IntegerField(primary_key=True), new=models.IntegerField(unique=True))],
        [
            AlterField("thing", "old", models.IntegerField(unique=True)),
            AlterField("thing", "new", models.IntegerField(primary_key=True)),
        ],
    ),
    Case(
        "alter_field/unique_null_to_primary_key",
        [
            model(
                "Thing",
                old=models.IntegerField(primary_key=True),
                new=models.CharField(max_length=20, unique=True, null=True),
            )
        ],
        [
            AlterField("thing", "old", models.IntegerField()),
            AlterField("thing", "new", models.CharField(max_length=20, primary_key=True)),
        ],
        reversible=False,
    ),
    Case(
        "alter_field/plain_to_primary_key",
        [model("Thing", old=models.IntegerField(primary_key=True), new=models.IntegerField())],
        [
            AlterField("thing", "old", models.IntegerField()),
            AlterField("thing", "new", models.IntegerField(primary_key=True)),
        ],
    ),
    Case(
        "alter_field/to_field_target_longer",
        [parent(), model("Child", parent=fk("parent", to_field="code", null=True))],
        [AlterField("parent", "code", models.CharField(max_length=40, unique=True, null=True))],
    ),
    Case(
        "alter_field/to_field_target_type",
        [
            model("Parent", code=models.IntegerField(unique=True)),
            model("Child", parent=fk("parent", to_field="code")),
            model("Elder", parent=fk("parent", to_field="code", null=True)),
        ],
        [AlterField("parent", "code", models.BigIntegerField(unique=True))],
    ),
    Case(
        "alter_field/to_field_target_null",
        [parent(), model("Child", parent=fk("parent", to_field="code", null=True))],
        [AlterField("parent", "code", models.CharField(max_length=20, unique=True))],
    ),
    Case(
        "alter_field/many_to_many_unchanged",
        [parent(), model("Thing", x=models.ManyToManyField("app.parent"))],
        [AlterField("thing", "x", models.ManyToManyField("app.parent", blank=True))],
    ),
    Case(
        "alter_field/many_to_many_table",
        [parent(), model("Thing", x=models.ManyToManyField("app.parent"))],
        [AlterField("thing", "x", models.ManyToManyField("app.parent", db_table="Links"))],
    ),
]
CASES = [*RELATIONS, *KEYS]
if features.db_on_delete:
    CASES += [
        _relation("on_delete_database", fk("parent"), fk("parent", on_delete=models.DB_CASCADE)),
        _relation("on_delete_database_off", fk("parent", on_delete=models.DB_CASCADE), fk("parent")),
        _relation(
            "on_delete_database_changed",
            fk("parent", null=True, on_delete=models.DB_CASCADE),
            fk("parent", null=True, on_delete=models.DB_SET_NULL),
        ),
    ]
