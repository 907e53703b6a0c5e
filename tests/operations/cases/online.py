"""AlterField with ONLINE_TYPE_CHANGES: a column of the new type takes the place of the old one."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.migrations.operations import AddField, AlterField
from django.db.migrations.operations.base import Operation
from django.db.models import F, Index, Q, UniqueConstraint
from django.db.models.functions import Lower, Random

from .. import features
from ..case import Case, check, fk, model, one_to_one

ONLINE = {"ONLINE_TYPE_CHANGES": True}
SOME_NULL = ("UPDATE app_thing SET x = NULL WHERE id % 3 = 0",)


def _case(
    name: str,
    old: models.Field[Any, Any],
    new: models.Field[Any, Any],
    *before: Operation,
    options: dict[str, Any] | None = None,
    **case: Any,
) -> Case:
    table = model("Thing", x=old, y=models.CharField(max_length=20, default=""), options=options)
    change = [AlterField("thing", "x", new)]
    return Case(f"online/{name}", [*before, table], change, settings=ONLINE, moves_column=True, **case)


def integer(**options: Any) -> models.Field[Any, Any]:
    return models.IntegerField(**options)


def big(**options: Any) -> models.Field[Any, Any]:
    return models.BigIntegerField(**options)


def char(**options: Any) -> models.Field[Any, Any]:
    return models.CharField(max_length=20, **options)


def decimal(digits: int, places: int, **options: Any) -> models.Field[Any, Any]:
    return models.DecimalField(max_digits=digits, decimal_places=places, **options)


def _key(name: str, old: models.Field[Any, Any], new: models.Field[Any, Any], **case: Any) -> Case:
    table = model("Thing", id=old, y=models.CharField(max_length=20, default=""))
    change = [AlterField("thing", "id", new)]
    return Case(f"online/{name}", [table], change, settings=ONLINE, moves_column=True, **case)


KEYS = [
    _key("key", models.AutoField(primary_key=True), models.BigAutoField(primary_key=True)),
    _key("small_key", models.SmallAutoField(primary_key=True), models.AutoField(primary_key=True)),
    _key("key_of_its_own", integer(primary_key=True), big(primary_key=True)),
    _key(
        "key_and_what_sql_has_made_of_its_sequence",
        models.AutoField(primary_key=True),
        models.BigAutoField(primary_key=True),
        data=(
            "ALTER TABLE app_thing ALTER COLUMN id SET GENERATED ALWAYS SET INCREMENT BY 3 SET START 5 SET CACHE 7",
            "ALTER TABLE app_thing ALTER COLUMN id SET MAXVALUE 1000000 SET MINVALUE -5 SET CYCLE RESTART WITH 1003",
            "COMMENT ON SEQUENCE app_thing_id_seq IS 'of numbers'",
            "GRANT USAGE, SELECT ON SEQUENCE app_thing_id_seq TO pg_monitor",
            "ALTER DEFAULT PRIVILEGES GRANT SELECT ON SEQUENCES TO pg_read_all_stats",
        ),
    ),
    _key(
        "serial",
        models.AutoField(primary_key=True),
        models.BigAutoField(primary_key=True),
        data=(
            "ALTER TABLE app_thing ALTER COLUMN id DROP IDENTITY",
            "CREATE SEQUENCE app_thing_id_seq AS integer OWNED BY app_thing.id",
            "SELECT setval('app_thing_id_seq', 777, false)",
            "ALTER TABLE app_thing ALTER COLUMN id SET DEFAULT nextval('app_thing_id_seq')",
        ),
    ),
]


def _target(
    name: str,
    old: models.Field[Any, Any],
    new: models.Field[Any, Any],
    *children: Operation,
    field: str = "id",
    **case: Any,
) -> Case:
    parent = model("Parent", code=models.CharField(max_length=20, unique=True), options=None, **{field: old})
    change = [AlterField("parent", field, new)]
    return Case(f"online/{name}", [parent, *children], change, settings=ONLINE, moves_column=True, **case)


AUTO, BIG_AUTO = models.AutoField(primary_key=True), models.BigAutoField(primary_key=True)
REFERENCED = [
    _target("referenced", AUTO, BIG_AUTO, model("Child", parent=fk("parent"))),
    _target("referenced_null", AUTO, BIG_AUTO, model("Child", parent=fk("parent", null=True))),
    _target(
        "referenced_by_several", AUTO, BIG_AUTO, model("A", p=fk("parent")), model("B", p=fk("parent"), q=fk("parent"))
    ),
    _target("referenced_one_to_one", AUTO, BIG_AUTO, model("Child", parent=one_to_one("parent"))),
    _target("referenced_by_a_key", AUTO, BIG_AUTO, model("Child", parent=one_to_one("parent", primary_key=True))),
    _target("many_to_many", AUTO, BIG_AUTO, model("Child", parents=models.ManyToManyField("app.parent"))),
    _target("inherited", AUTO, BIG_AUTO, model("Child", bases=("app.parent",), more=integer())),
    _target(
        "referenced_by_its_own_table",
        AUTO,
        BIG_AUTO,
        model("Child", parent=fk("parent")),
        AddField("parent", "above", fk("parent", null=True)),
    ),
    _target(
        "referenced_to_field",
        integer(unique=True),
        big(unique=True),
        model("Child", parent=fk("parent", to_field="number")),
        field="number",
    ),
    _target(
        "referenced_and_unique_together",
        AUTO,
        BIG_AUTO,
        model("Child", parent=fk("parent"), tag=integer(), options={"unique_together": {("parent", "tag")}}),
    ),
    _target(
        "referenced_by_a_table_that_no_model_has",
        AUTO,
        BIG_AUTO,
        data=(
            "CREATE TABLE app_other (id bigint, parent int CONSTRAINT own REFERENCES app_parent (id) "
            "MATCH FULL ON DELETE SET NULL DEFERRABLE, later int)",
            "ALTER TABLE app_other ADD CONSTRAINT late FOREIGN KEY (later) REFERENCES app_parent (id) NOT VALID",
            "COMMENT ON CONSTRAINT own ON app_other IS 'of a foreign key'",
        ),
    ),
]

INTERLINKED = Case(
    "online/keys_that_are_interlinked",
    [
        model("Parent", id=AUTO),
        model("Child", id=AUTO, parent=fk("parent"), friends=models.ManyToManyField("app.parent", related_name="+")),
        model(
            "Grandchild",
            id=AUTO,
            child=fk("child"),
            parent=fk("parent", null=True),
            above=fk("grandchild", null=True),
        ),
    ],
    [AlterField(name, "id", BIG_AUTO) for name in ("parent", "child", "grandchild")],
    settings=ONLINE,
    moves_column=True,
)


def _volatile(name: str, field: models.Field[Any, Any], **case: Any) -> Case:
    before = [model("Thing", y=models.CharField(max_length=20, default=""))]
    added = [AddField("thing", "added", field)]
    return Case(f"online/volatile_{name}", before, added, settings=ONLINE, random=("added",), **case)


VOLATILE = (
    [
        _volatile("not_null", models.FloatField(db_default=Random())),
        _volatile("null", models.FloatField(null=True, db_default=Random())),
        _volatile("unique", models.FloatField(unique=True, db_default=Random())),
        _volatile("indexed", models.FloatField(db_index=True, db_default=Random())),
    ]
    if features.db_default
    else []
)

CASES = [
    *VOLATILE,
    INTERLINKED,
    *KEYS,
    *REFERENCED,
    _case("integer_to_bigint", integer(), big()),
    _case("null", integer(null=True), big(null=True), data=SOME_NULL),
    _case("null_to_not_null", integer(null=True), big(default=7), data=SOME_NULL),
    _case("not_null_to_null", integer(), big(null=True)),
    _case("smallint_to_integer", models.SmallIntegerField(db_index=True), integer(db_index=True)),
    _case("positive", models.PositiveIntegerField(), models.PositiveBigIntegerField()),
    _case("real_to_double", integer(), models.FloatField()),
    _case("decimal", decimal(10, 2), decimal(14, 4)),
    _case("array", ArrayField(integer()), ArrayField(big())),
    _case("char_to_text", char(), models.TextField(), options={"indexes": [Index(Lower("x"), name="lower")]}),
    _case("collation", char(), char(db_collation="C"), options={"indexes": [Index(fields=["x"], name="by_x")]}),
    _case("indexed", integer(db_index=True), big(db_index=True)),
    _case("unique", integer(unique=True), big(unique=True)),
    _case("index_goes", integer(db_index=True), big()),
    _case("index_comes", integer(), big(db_index=True)),
    _case("unique_goes", integer(unique=True), big()),
    _case(
        "indexes",
        integer(),
        big(),
        options={
            "indexes": [
                Index(fields=["y", "-x"], name="two"),
                Index(fields=["y"], name="partial", condition=Q(x__gt=5)),
                Index(fields=["x"], name="other", condition=Q(y__gt="5")),
                Index(fields=["y"], name="covering", include=["x"]),
                Index(F("x") + 1, name="expression"),
                Index("y", F("x") + 1, F("x").desc(), name="mixed"),
                Index(fields=["y"], name="apart"),
            ],
        },
    ),
    _case(
        "constraints",
        integer(),
        big(),
        options={
            "constraints": [
                UniqueConstraint(fields=["x", "y"], name="both"),
                UniqueConstraint(fields=["x"], name="deferred", deferrable=models.Deferrable.DEFERRED),
                UniqueConstraint(fields=["y"], name="some", condition=Q(x__gt=5)),
                check(Q(x__gt=0), name="positive"),
                check(Q(x__gt=0) | Q(y="a") | Q(x=F("id")), name="three"),
                check(Q(y__gt=""), name="other"),
            ],
            "unique_together": {("y", "x")},
        },
    ),
    _case(
        "what_sql_has_added",
        integer(),
        big(),
        data=(
            "ALTER TABLE app_thing ALTER COLUMN x SET DEFAULT 7",
            "ALTER TABLE app_thing ALTER COLUMN x SET STATISTICS 500",
            "ALTER TABLE app_thing ALTER COLUMN x SET (n_distinct = -0.5)",
            "COMMENT ON COLUMN app_thing.x IS 'it''s a \\ back'",
            # Of the columns in it, the server tells in their order in the table.
            "CREATE STATISTICS of_two (ndistinct, dependencies) ON id, x FROM app_thing",
            "CREATE STATISTICS of_expression ON (x + 1), y FROM app_thing",
            "CREATE STATISTICS of_other ON y, id FROM app_thing",
            "CREATE INDEX filled ON app_thing (x) WITH (fillfactor = 70)",
            "CREATE INDEX hashed ON app_thing USING hash (x)",
            "CREATE INDEX brin ON app_thing USING brin (x)",
            "COMMENT ON INDEX filled IS 'of an index'",
            "ALTER TABLE app_thing CLUSTER ON filled",
            "CREATE UNIQUE INDEX nulls_first ON app_thing (x DESC NULLS LAST, id)",
            "ALTER TABLE app_thing ADD CONSTRAINT checked CHECK (x <> -1) NO INHERIT",
            "COMMENT ON CONSTRAINT checked ON app_thing IS 'of a check'",
            "ALTER TABLE app_thing ADD CONSTRAINT once UNIQUE (x)",
            "COMMENT ON CONSTRAINT once ON app_thing IS 'of a key'",
            "ALTER TABLE app_thing REPLICA IDENTITY USING INDEX once",
            "ALTER TABLE app_thing ALTER COLUMN x SET STORAGE PLAIN",
            "GRANT SELECT (x), UPDATE (x) ON app_thing TO PUBLIC",
            "GRANT INSERT (x) ON app_thing TO pg_monitor WITH GRANT OPTION",
        ),
    ),
    _case("grant_alone", integer(), big(), data=("GRANT SELECT (x) ON app_thing TO PUBLIC",)),
    _case(
        "comment_alone",
        integer(),
        big(),
        data=("CREATE INDEX own ON app_thing (x)", "COMMENT ON INDEX own IS 'of an index'"),
    ),
]
