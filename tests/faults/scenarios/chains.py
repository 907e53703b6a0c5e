"""Several operations in one migration, several migrations in one run, and other ways to run one."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.migrations.operations import (
    AddConstraint,
    AddField,
    AddIndex,
    AlterField,
    AlterIndexTogether,
    AlterModelTable,
    AlterUniqueTogether,
    CreateModel,
    DeleteModel,
    RemoveConstraint,
    RemoveField,
    RemoveIndex,
    RenameField,
    RenameIndex,
    RenameModel,
    RunSQL,
    SeparateDatabaseAndState,
)
from django.db.migrations.operations.base import Operation

from django_zero_downtime_migrations.operations.safety_assured import SafetyAssured
from tests.operations import features
from tests.operations.case import APP, check, fk, model, one_to_one

from .scenario import BEFORE, CHANGE, More, back, scenario

CLOSED = "the shop is closed"


def integer() -> models.Field[Any, Any]:
    return models.IntegerField(null=True)


def char(**options: Any) -> models.Field[Any, Any]:
    return models.CharField(max_length=20, null=True, **options)


def parent() -> CreateModel:
    return model("Parent", code=models.CharField(max_length=20, unique=True))


def thing(**options: object) -> CreateModel:
    return model("Thing", a=integer(), name=char(), parent=fk("parent", null=True), options=options)


def tables() -> list[Operation]:
    return [
        parent(),
        thing(indexes=[models.Index(fields=["a"], name="by_a")]),
        model("Child", thing=fk("thing"), parents=models.ManyToManyField("app.parent")),
    ]


def several() -> list[Operation]:
    return [
        AddField("thing", "b", models.PositiveIntegerField(null=True, unique=True)),
        AddIndex("thing", models.Index(fields=["a", "b"], name="by_a_b")),
        AddConstraint("thing", models.UniqueConstraint(fields=["name"], name="one_name")),
        AlterField("thing", "name", models.CharField(max_length=30, default="none")),
        RemoveField("thing", "parent"),
    ]


def named() -> list[Operation]:
    return [
        AddField("thing", "b", char(db_index=True)),
        RenameField("thing", "b", "c"),
        RenameModel("Thing", "Matter"),
    ]


MIXED = scenario(
    "chain/sql_between",
    tables(),
    AddField("thing", "b", integer()),
    RunSQL("UPDATE app_thing SET b = coalesce(b, 0) + 1", RunSQL.noop),
    AddIndex("thing", models.Index(fields=["b"], name="by_b")),
    RunSQL("UPDATE app_thing SET b = b + 10", RunSQL.noop),
    AlterField("thing", "a", models.IntegerField(default=7)),
)
ONE_TO_ONE = scenario(
    "chain/one_to_one_and_rename",
    tables(),
    AlterField("thing", "parent", one_to_one("parent", null=True)),
    RenameField("thing", "parent", "owner"),
)
RENAMED = scenario(
    "chain/rename_model_with_inbound_keys",
    tables(),
    SafetyAssured([RenameModel("Thing", "Matter"), RenameField("Matter", "a", "b")], reason=CLOSED),
    AddField("matter", "c", integer()),
)
SEVERAL = scenario("chain/several", tables(), *several())
NAMED = scenario("chain/indexed_and_renamed", tables(), *named())
TOGETHER = scenario(
    "chain/together",
    [model("Thing", a=integer(), b=integer(), options={"unique_together": {("a", "b")}})],
    AlterUniqueTogether("thing", set()),
    *([AlterIndexTogether("thing", {("a", "b")})] if features.index_together else []),
    AddField("thing", "c", integer()),
    AlterUniqueTogether("thing", {("a", "c"), ("b", "c")}),
    RenameField("thing", "a", "z"),
)
DELETED = scenario(
    "chain/delete_and_more",
    tables(),
    DeleteModel("Child"),
    RemoveField("thing", "parent"),
    DeleteModel("Parent"),
    AddField("thing", "b", integer()),
)
#: Each is removed with the operation that adds it again.
REPLACED = scenario(
    "chain/constraints_replaced",
    [
        model(
            "Thing",
            a=integer(),
            b=integer(),
            options={
                "constraints": [
                    check(models.Q(a__gte=0), "positive"),
                    models.UniqueConstraint(fields=["a", "b"], name="once"),
                    models.UniqueConstraint(fields=["b"], condition=models.Q(a__gt=0), name="partly"),
                    models.UniqueConstraint(fields=["b"], condition=models.Q(a__gt=0), name="wholly"),
                ]
            },
        )
    ],
    RemoveConstraint("thing", "positive"),
    RemoveConstraint("thing", "once"),
    RemoveConstraint("thing", "partly"),
    RemoveConstraint("thing", "wholly"),
    AddField("thing", "c", integer()),
    AddConstraint("thing", check(models.Q(a__gte=-5), "positive")),
    AddConstraint("thing", models.UniqueConstraint(fields=["a", "b", "c"], name="once")),
    AddConstraint("thing", models.UniqueConstraint(fields=["b"], condition=models.Q(a__gt=1), name="partly")),
    AddConstraint("thing", models.UniqueConstraint(fields=["a", "b", "c"], name="wholly")),
)
#: Each is removed with the operation that makes it again, or another one in its place.
OTHERS = scenario(
    "chain/others_replaced",
    [
        parent(),
        model(
            "Thing",
            a=integer(),
            b=integer(),
            c=integer(),
            name=char(unique=True),
            parent=fk("parent", null=True),
            options={"unique_together": {("a", "b")}, "indexes": [models.Index(fields=["a"], name="by_a")]},
        ),
    ],
    AlterUniqueTogether("thing", set()),
    AlterUniqueTogether("thing", {("a", "c")}),
    AlterUniqueTogether("thing", set()),
    AddConstraint("thing", models.UniqueConstraint(fields=["a", "b", "c"], name="once")),
    AlterField("thing", "name", char()),
    AlterField("thing", "name", char(unique=True)),
    AlterField("thing", "parent", fk("parent", null=True, db_index=False)),
    AlterField("thing", "parent", fk("parent", null=True)),
    RemoveIndex("thing", "by_a"),
    AddIndex("thing", models.Index(fields=["a", "c"], name="by_a")),
)
MORE = More("0003_more", [RenameField("thing", "b", "c")])


def squashed(*operations: Operation, atomic: bool = True) -> tuple[More, ...]:
    """Return a squashed migration, after a migration that adds ``b``."""
    made = [AddField("thing", "b", integer()), RenameField("thing", "b", "c"), *operations]
    return (MORE, More("0002_squashed", made, atomic, replaces=(CHANGE, MORE.name)))


SCENARIOS = [
    REPLACED,
    back(REPLACED),
    OTHERS,
    back(OTHERS),
    scenario("chain/add_and_rename", tables(), AddField("thing", "b", integer()), RenameField("thing", "b", "c")),
    scenario(
        "chain/unique_and_rename",
        tables(),
        AlterField("thing", "name", char(unique=True)),
        RenameField("thing", "name", "title"),
        AlterModelTable("thing", "matter"),
    ),
    scenario(
        "chain/new_table_and_another",
        tables(),
        model("New", parent=fk("parent"), thing=one_to_one("thing"), label=models.SlugField()),
        AddField("thing", "b", char(unique=True)),
        AddField("new", "more", models.ManyToManyField("app.child")),
        AddIndex("new", models.Index(fields=["label"], name="by_label")),
    ),
    scenario(
        "chain/inside_others",
        tables(),
        SeparateDatabaseAndState(
            [
                SafetyAssured(
                    [AddField("thing", "b", integer()), AddIndex("thing", models.Index(fields=["b"], name="by_b"))],
                    reason=CLOSED,
                ),
                AlterField("thing", "b", models.BigIntegerField(null=True)),
            ],
            [AddField("thing", "b", models.BigIntegerField(null=True))],
        ),
        RenameIndex("thing", "of_a", old_name="by_a"),
        AddConstraint("thing", check(models.Q(b__gt=0), "positive")),
    ),
    scenario(
        "chain/the_same_twice",
        tables(),
        AddField("thing", "b", integer()),
        RemoveField("thing", "b"),
        AddField("thing", "b", char(db_index=True)),
        AlterField("thing", "name", char(unique=True)),
        AlterField("thing", "name", char()),
        AlterField("thing", "name", char(db_index=True)),
    ),
    scenario(
        "chain/not_atomic",
        tables(),
        AddField("thing", "b", integer()),
        RunSQL("UPDATE app_thing SET b = 5", RunSQL.noop),
        RunSQL("CREATE INDEX CONCURRENTLY IF NOT EXISTS by_b ON app_thing (b)", "DROP INDEX CONCURRENTLY by_b"),
        AlterField("thing", "a", models.IntegerField(default=7)),
        model("New", parent=fk("parent"), label=models.SlugField()),
        atomic=False,
    ),
    *(MIXED, ONE_TO_ONE, RENAMED, SEVERAL, NAMED, TOGETHER, DELETED),
    *(back(x) for x in (MIXED, ONE_TO_ONE, RENAMED, SEVERAL, NAMED, DELETED)),
    scenario(
        "chain/two_migrations",
        tables(),
        *several(),
        more=(More("0003_more", [AddField("thing", "c", char(unique=True)), AddField("child", "d", integer())]),),
    ),
    scenario(
        "chain/two_migrations/back",
        tables(),
        AddField("thing", "b", char(unique=True)),
        RenameField("thing", "b", "c"),
        more=(More("0003_more", [RemoveField("thing", "parent"), AddField("child", "d", integer())]),),
        first=(APP,),
        arguments=(APP, BEFORE),
    ),
    scenario(
        "chain/nothing_deferred",
        tables(),
        AddField("thing", "b", fk("parent", null=True)),
        AlterField("thing", "name", char(unique=True)),
        model("New", parent=fk("parent"), label=models.SlugField()),
        AddField("thing", "c", char(db_index=True)),
        settings={"DEFERRED_SQL": False},
    ),
    scenario(
        "chain/nothing_tried_again",
        tables(),
        *several(),
        settings={"LOCK_RETRY_TIMEOUT": None, "LOCK_TIMEOUT_FORCE": False, "EXPLICIT_CONSTRAINTS_DROP": False},
    ),
    scenario(
        "chain/other_schema",
        tables(),
        *several(),
        prepare='CREATE SCHEMA "Shop of"',
        options={"options": '-c search_path="Shop\\ of",public'},
    ),
    scenario(
        "chain/squashed",
        tables(),
        AddField("thing", "b", integer()),
        more=squashed(AlterField("thing", "c", models.IntegerField(unique=True, null=True))),
    ),
    scenario(
        "chain/squashed_not_atomic",
        tables(),
        AddField("thing", "b", integer()),
        more=squashed(AddField("thing", "d", char(unique=True)), atomic=False),
    ),
]
