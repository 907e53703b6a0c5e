"""AlterField: NULL, defaults, types, and what a field's column is otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import models
from django.db.migrations.operations import AddField, AlterField, AlterModelTable, DeleteModel, RemoveField, RenameField
from django.db.migrations.operations.base import Operation
from django.db.models import F, Index, Q, UniqueConstraint
from django.db.models.functions import Lower

from .. import features
from ..case import Case, check, fk, model

NULLS = ("UPDATE app_thing SET x = NULL WHERE id % 3 = 0",)


def _case(
    name: str,
    old: models.Field[Any, Any],
    new: models.Field[Any, Any],
    *before: Operation,
    options: dict[str, Any] | None = None,
    extra: Sequence[Operation] = (),
    **case: Any,
) -> Case:
    table = model("Thing", x=old, y=models.CharField(max_length=20, default=""), options=options)
    return Case(f"alter_field/{name}", [*before, table], [AlterField("thing", "x", new), *extra], **case)


def integer(**options: Any) -> models.Field[Any, Any]:
    return models.IntegerField(**options)


def char(length: int = 20, **options: Any) -> models.Field[Any, Any]:
    return models.CharField(max_length=length, **options)


def text(**options: Any) -> models.Field[Any, Any]:
    return models.TextField(**options)


NULL = [
    _case("null_to_not_null", integer(null=True), integer()),
    _case("null_to_not_null_with_default", integer(null=True), integer(default=7), data=NULLS),
    # The values that fill it are twice there, or in no row of the other table.
    _case(
        "unique_null_to_not_null_with_default",
        integer(null=True, unique=True),
        integer(default=7),
        data=NULLS,
        reversible=False,
    ),
    _case(
        "unique_null_to_not_null_with_default_and_index",
        integer(null=True, unique=True),
        integer(default=7, db_index=True),
        data=NULLS,
        reversible=False,
    ),
    _case(
        "foreign_key_null_to_other_with_default",
        fk("parent", null=True),
        models.BigIntegerField(db_column="x_id", default=-7, db_index=True),
        model("Parent"),
        data=("UPDATE app_thing SET x_id = NULL WHERE id < 3",),
        reversible=False,
    ),
    _case(
        "positive_null_to_not_null_with_negative_default",
        models.PositiveIntegerField(null=True, db_index=True),
        integer(default=-7),
        data=NULLS,
        reversible=False,
    ),
    _case("null_to_not_null_with_callable_default", integer(null=True), integer(default=int), data=NULLS),
    _case("null_to_not_null_char_with_default", char(null=True), char(default="it's 100%"), data=NULLS),
    _case("null_to_not_null_implicit_empty", char(null=True), char(blank=True)),
    _case("null_to_not_null_indexed", char(null=True, db_index=True), char(db_index=True)),
    _case("null_to_not_null_unique", char(null=True, unique=True), char(unique=True)),
    _case("null_to_not_null_foreign_key", fk("parent", null=True), fk("parent"), model("Parent")),
    _case("not_null_to_null_foreign_key", fk("parent"), fk("parent", null=True), model("Parent")),
    _case("not_null_to_null", integer(), integer(null=True)),
    _case("not_null_to_null_unique", integer(unique=True), integer(unique=True, null=True)),
    _case("null_to_not_null_and_type", char(20, null=True), char(40)),
    _case("null_to_not_null_and_unique", integer(null=True), integer(unique=True)),
    _case("null_to_not_null_and_default_in_python", integer(null=True), integer(default=3)),
    _case(
        "null_to_not_null_with_proof",
        integer(null=True),
        integer(),
        options={"constraints": [check(Q(x__isnull=False), "proof")]},
    ),
    _case("null_to_not_null_and_rename", integer(null=True), integer(), extra=[RenameField("thing", "x", "z")]),
    _case(
        "null_to_not_null_and_remove",
        integer(null=True),
        integer(),
        extra=[RemoveField("thing", "x")],
        reversible=False,
    ),
    _case("null_to_not_null_and_delete", integer(null=True), integer(), extra=[DeleteModel("thing")]),
    _case("null_to_not_null_and_rename_table", integer(null=True), integer(), extra=[AlterModelTable("thing", "z")]),
    _case(
        "null_to_not_null_and_back", integer(null=True), integer(), extra=[AlterField("thing", "x", integer(null=True))]
    ),
]
TYPES = [
    _case("varchar_longer", char(10), char(20)),
    _case("varchar_shorter", char(20), char(10)),
    _case("varchar_longer_indexed", char(10, db_index=True), char(20, db_index=True)),
    _case("varchar_longer_unique", char(10, unique=True), char(20, unique=True)),
    _case("varchar_to_text", char(), text()),
    _case("varchar_to_text_indexed", char(db_index=True), text(db_index=True)),
    _case("varchar_to_text_unique", char(unique=True), text(unique=True)),
    _case("varchar_indexed_to_text", char(db_index=True), text()),
    _case("varchar_to_text_then_indexed", char(), text(db_index=True)),
    _case("text_to_varchar_indexed", text(db_index=True), char(30, db_index=True)),
    _case("varchar_longer_in_check", char(10), char(20), options={"constraints": [check(~Q(x="x"), "no_x")]}),
    _case("varchar_longer_in_expression", char(10), char(20), options={"indexes": [Index(Lower("x"), name="lower")]}),
    _case(
        "varchar_longer_in_predicate",
        char(10),
        char(20),
        options={"constraints": [UniqueConstraint(fields=["y", "x"], condition=~Q(x=""), name="partial")]},
    ),
    _case("integer_to_bigint", integer(), models.BigIntegerField()),
    _case("integer_to_bigint_indexed", integer(db_index=True), models.BigIntegerField(db_index=True)),
    _case("integer_to_bigint_unique", integer(unique=True), models.BigIntegerField(unique=True)),
    _case("bigint_to_integer", models.BigIntegerField(), integer()),
    _case("integer_to_varchar", integer(), char()),
    _case("integer_to_varchar_indexed", integer(db_index=True), char(db_index=True)),
    _case("integer_to_varchar_unique", integer(unique=True), char(unique=True)),
    _case(
        "varchar_indexed_to_integer",
        char(db_index=True),
        integer(db_index=True),
        reversible=False,
        data=("UPDATE app_thing SET x = id",),
    ),
    _case(
        "decimal_more_digits",
        models.DecimalField(max_digits=8, decimal_places=2),
        models.DecimalField(max_digits=12, decimal_places=2),
    ),
    _case(
        "decimal_more_places",
        models.DecimalField(max_digits=8, decimal_places=2),
        models.DecimalField(max_digits=12, decimal_places=4),
    ),
    _case("date_to_datetime", models.DateField(), models.DateTimeField()),
    _case("type_and_default", integer(default=1), models.BigIntegerField(default=2)),
    _case("type_and_index", char(10), char(20, db_index=True)),
    _case("type_and_unique", integer(), models.BigIntegerField(unique=True)),
    _case("integer_to_positive", integer(), models.PositiveIntegerField()),
    _case("positive_to_integer", models.PositiveIntegerField(), integer()),
    _case("positive_to_big_positive", models.PositiveIntegerField(), models.PositiveBigIntegerField()),
    _case("positive_unchanged_but_null", models.PositiveIntegerField(), models.PositiveIntegerField(null=True)),
    _case("collation", char(), char(db_collation="C")),
    _case("collation_indexed", char(db_index=True), char(db_collation="C", db_index=True)),
    _case("collation_unique", char(unique=True, db_collation="C"), char(unique=True, db_collation="POSIX")),
    _case("collation_and_length", char(10), char(20, db_collation="C")),
    _case("comment", integer(), integer(db_comment="It's a comment")),
    _case("comment_removed", integer(db_comment="old"), integer()),
    _case("comment_and_type", integer(db_comment="old"), models.BigIntegerField(db_comment="new")),
    _case("comment_and_unique", integer(), integer(db_comment="new", unique=True)),
    _case("db_column", char(db_index=True), char(db_index=True, db_column="Other Name")),
    _case("db_column_and_type", integer(), models.BigIntegerField(db_column="z", db_index=True)),
    _case("nothing_in_the_database", char(), char(help_text="help", verbose_name="x")),
]
PROTECTION = [
    _case("unique_on", integer(), integer(unique=True)),
    _case("unique_off", integer(unique=True), integer()),
    _case("unique_char_on", char(), char(unique=True)),
    _case("unique_char_off", char(unique=True), char()),
    _case("index_on", integer(), integer(db_index=True)),
    _case("index_char_on", char(), char(db_index=True)),
    _case("index_char_off", char(db_index=True), char()),
    _case("index_to_unique", integer(db_index=True), integer(unique=True)),
    _case("unique_to_index", integer(unique=True), integer(db_index=True)),
    _case("index_to_unique_char", char(db_index=True), char(unique=True)),
    _case("unique_to_index_char", char(unique=True), char(db_index=True)),
    _case("slug_to_char", models.SlugField(), models.CharField(max_length=50)),
    _case(
        "in_index_together_off",
        integer(db_index=True),
        integer(),
        options={"indexes": [Index(fields=["x", "y"], name="i")]},
    ),
    Case(
        "alter_field/unique_on_and_off",
        [model("Thing", x=char())],
        [AlterField("thing", "x", char(unique=True)), AlterField("thing", "x", char())],
    ),
    Case(
        "alter_field/added_and_unique",
        [model("Thing", y=integer())],
        [AddField("thing", "x", char(null=True)), AlterField("thing", "x", char(null=True, unique=True))],
    ),
]
#: Django's introspection has None in the place of an expression among the columns of an index.
BESIDE_AN_EXPRESSION = [
    _case(f"{name}_beside_an_expression", old, integer(), options={"indexes": [Index("y", F("x") + 1, name="mixed")]})
    for name, old in {"index_goes": integer(db_index=True), "unique_goes": integer(unique=True)}.items()
]
CASES = [*NULL, *TYPES, *PROTECTION, *BESIDE_AN_EXPRESSION]
if features.db_default:
    CASES += [
        _case("db_default_set", integer(), integer(db_default=4)),
        _case("db_default_changed", integer(db_default=4), integer(db_default=5)),
        _case("db_default_dropped", integer(db_default=4), integer()),
        _case("db_default_to_not_null", integer(null=True), integer(db_default=4), data=NULLS),
        _case("db_default_and_type", integer(db_default=4), models.BigIntegerField(db_default=4)),
        _case("db_default_and_type_to_text", integer(db_default=4), char(db_default="4"), reversible=False),
        _case("db_default_unchanged_not_null", integer(null=True, db_default=4), integer(db_default=4), data=NULLS),
        _case("db_default_text", text(), text(db_default="it's 100%")),
    ]
