"""One operation of each kind, and then SQL at which the run is stopped: between it and the next run the operation is
taken back by hand.
"""

from __future__ import annotations

from django.db import models
from django.db.migrations.operations import (
    AddConstraint,
    AddField,
    AddIndex,
    AlterField,
    AlterModelTable,
    AlterUniqueTogether,
    DeleteModel,
    RemoveConstraint,
    RemoveField,
    RemoveIndex,
    RenameField,
    RenameIndex,
    RenameModel,
    RunSQL,
)
from django.db.migrations.operations.base import Operation

from tests.operations.case import check, fk, model, one_to_one

from .chains import char, integer, parent
from .scenario import Scenario, scenario

STOP = "SELECT 'stop here'"


def tables() -> list[Operation]:
    thing = model(
        "Thing",
        a=integer(),
        b=models.IntegerField(default=1),
        name=char(),
        code=models.CharField(max_length=20, unique=True),
        parent=fk("parent", null=True),
        options={
            "indexes": [models.Index(fields=["a"], name="by_a")],
            "constraints": [check(models.Q(a__gte=0), "positive")],
        },
    )
    return [parent(), thing, model("Alone", a=integer())]


KINDS: dict[str, list[Operation]] = {
    "add_field": [AddField("thing", "u", integer())],
    "add_field_not_null": [AddField("thing", "u", models.IntegerField(default=7))],
    "add_field_unique": [AddField("thing", "u", models.IntegerField(null=True, unique=True))],
    "add_field_positive": [AddField("thing", "u", models.PositiveIntegerField(null=True, db_index=True))],
    "add_foreign_key": [AddField("thing", "u", fk("parent", null=True, related_name="+"))],
    "add_many_to_many": [
        AddField("thing", "u", models.ManyToManyField("app.parent", related_name="+")),
        AddField("alone", "u", integer()),
    ],
    # A new table is committed with the first step on a table in use.
    "create_model": [model("New", thing=fk("thing")), AddField("alone", "u", integer())],
    "add_index": [AddIndex("thing", models.Index(fields=["name"], name="by_name")), AddField("alone", "u", integer())],
    "add_check": [AddConstraint("thing", check(models.Q(b__gte=0), "b_positive"))],
    "add_unique": [AddConstraint("thing", models.UniqueConstraint(fields=["a", "name"], name="one"))],
    "unique_together": [AlterUniqueTogether("thing", {("a", "code")})],
    "to_unique": [AlterField("thing", "a", models.IntegerField(null=True, unique=True))],
    "to_index": [AlterField("thing", "name", models.CharField(max_length=20, null=True, db_index=True))],
    "to_not_null": [AlterField("thing", "name", models.CharField(max_length=20, default="none"))],
    "to_null": [AlterField("thing", "b", models.IntegerField(default=1, null=True))],
    "longer": [AlterField("thing", "name", models.CharField(max_length=30, null=True))],
    "one_to_one": [AlterField("thing", "parent", one_to_one("parent", null=True))],
    "without_key": [AlterField("thing", "parent", fk("parent", null=True, db_constraint=False))],
    "remove_field": [RemoveField("thing", "b")],
    "remove_foreign_key": [RemoveField("thing", "parent")],
    "delete_model": [DeleteModel("alone")],
    "rename_field": [RenameField("thing", "b", "c")],
    "rename_model": [RenameModel("alone", "lonely")],
    "table": [AlterModelTable("alone", "app_elsewhere")],
    "remove_index": [RemoveIndex("thing", "by_a")],
    "remove_constraint": [RemoveConstraint("thing", "positive")],
    "rename_index": [RenameIndex("thing", "by_a_now", old_name="by_a")],
    # Later operations have to be understood, or nothing of the first one would be found.
    "add_rename_alter": [
        AddField("thing", "u", integer()),
        RenameField("thing", "u", "v"),
        AlterField("thing", "v", models.IntegerField(null=True, unique=True)),
        AddIndex("thing", models.Index(fields=["v", "a"], name="by_v_a")),
        RenameModel("alone", "lonely"),
        AddField("lonely", "thing", fk("thing", null=True)),
    ],
}
#: Pairs in which one operation changes an object, and another changes it back.
AND_BACK: dict[str, list[Operation]] = {
    "null": [
        AlterField("thing", "b", models.IntegerField(default=1, null=True)),
        AlterField("thing", "b", models.IntegerField(default=1)),
    ],
    "not_null": [
        AlterField("thing", "name", models.CharField(max_length=20, default="none")),
        AlterField("thing", "name", models.CharField(max_length=20, null=True)),
    ],
    "longer": [
        AlterField("thing", "name", models.CharField(max_length=30, null=True)),
        AlterField("thing", "name", models.CharField(max_length=20, null=True)),
    ],
    "field": [AddField("thing", "u", integer()), RemoveField("thing", "u")],
    "field_and_another_of_its_name": [RemoveField("thing", "b"), AddField("thing", "b", integer())],
    "index": [RemoveIndex("thing", "by_a"), AddIndex("thing", models.Index(fields=["a"], name="by_a"))],
    "index_of_a_field": [
        AlterField("thing", "name", models.CharField(max_length=20, null=True, db_index=True)),
        AlterField("thing", "name", models.CharField(max_length=20, null=True)),
        AlterField("thing", "name", models.CharField(max_length=20, null=True, db_index=True)),
    ],
    "unique": [
        AlterField("thing", "a", models.IntegerField(null=True, unique=True)),
        AlterField("thing", "a", models.IntegerField(null=True)),
        AlterField("thing", "a", models.IntegerField(null=True, unique=True)),
    ],
    "unique_together": [
        AlterUniqueTogether("thing", {("a", "code")}),
        AlterUniqueTogether("thing", set()),
        AlterUniqueTogether("thing", {("a", "code")}),
    ],
    "constraint": [
        AddConstraint("thing", check(models.Q(b__gte=0), "b_positive")),
        RemoveConstraint("thing", "b_positive"),
        AddConstraint("thing", check(models.Q(b__gte=-1), "b_positive")),
    ],
    "foreign_key": [
        AlterField("thing", "parent", fk("parent", null=True, db_constraint=False)),
        AlterField("thing", "parent", fk("parent", null=True)),
    ],
    "field_name": [RenameField("thing", "b", "c"), RenameField("thing", "c", "b")],
    "column": [
        AlterField("thing", "b", models.IntegerField(default=1, null=True, db_column="tab\tbed", db_index=True)),
        AlterField("thing", "b", models.IntegerField(default=1)),
        AlterField("thing", "b", models.IntegerField(default=1, db_index=True)),
    ],
    "model_name": [RenameModel("alone", "lonely"), RenameModel("lonely", "alone")],
    "table": [AlterModelTable("alone", "app_elsewhere"), AlterModelTable("alone", None)],
    "index_name": [
        RenameIndex("thing", "by_a_now", old_name="by_a"),
        RenameIndex("thing", "by_a", old_name="by_a_now"),
    ],
    "model": [model("New", thing=fk("thing")), AddField("alone", "u", integer()), DeleteModel("New")],
}
TWO = scenario(
    "repairs/two", tables(), AddField("thing", "u", integer()), AddField("alone", "v", char(unique=True)), RunSQL(STOP)
)
TWO_WITH_CODE = scenario(
    "repairs/two_with_sql",
    tables(),
    RunSQL("UPDATE app_alone SET a = 1", RunSQL.noop),
    AddField("thing", "u", integer()),
    RunSQL(STOP, RunSQL.noop),
)
#: The user's own SQL has changed what an operation before it made.
CHANGED_BY_SQL = scenario(
    "repairs/changed_by_sql",
    tables(),
    AddField("thing", "u", integer()),
    RunSQL("ALTER TABLE app_thing ALTER COLUMN u TYPE bigint", RunSQL.noop),
    RunSQL(STOP, RunSQL.noop),
)
OF_KINDS: list[Scenario] = [
    scenario(f"repairs/{name}", tables(), *operations, RunSQL(STOP, RunSQL.noop)) for name, operations in KINDS.items()
]
OF_AND_BACK: list[Scenario] = [
    scenario(f"repairs/{name}_and_back", tables(), *operations, RunSQL(STOP, RunSQL.noop))
    for name, operations in AND_BACK.items()
]
SCENARIOS: list[Scenario] = [*OF_KINDS, *OF_AND_BACK, TWO, TWO_WITH_CODE, CHANGED_BY_SQL]
