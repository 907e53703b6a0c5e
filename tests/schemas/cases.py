"""Operations on tables in use, and what stock Django makes of those whose tables have their schema in ``db_table``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import IntegerRangeField
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import models
from django.db.migrations import operations as o
from django.db.migrations.operations.base import Operation

from django_zero_downtime_migrations.operations import SafetyAssured
from tests.backends.project import APP
from tests.operations import features
from tests.operations.case import check

from .situations import FIRST, SITUATIONS

Table = Callable[[str], str]


@dataclass(frozen=True)
class Case:
    """A case.

    :param operations: made from a function that gives a table its ``db_table``.
    :param makes_table: there or back; it comes into the first schema of the search_path, unless another one is named.
    """

    name: str
    operations: Callable[[Table], list[Operation]]
    atomic: bool = True
    makes_table: bool = False

    def __str__(self) -> str:
        return f"{self.name}_where_stock_django_{self.stock}" if self.stock else self.name

    @property
    def stock(self) -> str:
        """How stock Django goes wrong, there or back, where the schema stands in ``db_table``; empty if it does not."""
        return next((how for how, names in STOCK.items() if self.name in names), "")


STOCK = {
    "drops_a_namesake": {
        "add_index", "add_index_concurrently", "add_partial_unique", "remove_index", "remove_index_concurrently",
        "remove_partial_unique", "unique_off", "unique_on",
    },
    "leaves_what_has_to_go": {
        "foreign_key_to_another_table", "foreign_key_without_constraint", "foreign_key_without_index", "index_off",
        "index_on", "key_to_bigint", "rename_foreign_key", "rename_model", "unique_to_indexed",
    },
    "fails": {
        "rename_index", "rename_table", "rename_table_with_new_index", "rename_target_of_new_foreign_key",
        "unique_together_off", "unique_together_on",
    },
}  # fmt: skip


def fk(to: str, **options: Any) -> models.ForeignKey[Any, Any]:
    return models.ForeignKey(f"{APP}.{to}", options.pop("on_delete", models.CASCADE), **options)


def before(table: Table) -> list[Operation]:
    """The tables that are there, with rows in them."""

    def model(name: str, /, **fields: models.Field[Any, Any]) -> Operation:
        key = fields.pop("id", models.BigAutoField(primary_key=True))
        made = [("id", key), *fields.items()]
        return o.CreateModel(name, made, {"db_table": table(name.lower())})

    return [
        model("Group", id=models.AutoField(primary_key=True), name=models.CharField(max_length=10)),
        model("Other", code=models.CharField(max_length=10)),
        model(
            "Item",
            name=models.CharField(max_length=10),
            slug=models.CharField(max_length=10, null=True, db_index=True),
            code=models.CharField(max_length=10, null=True, unique=True),
            note=models.TextField(null=True),
            number=models.IntegerField(),
            other_number=models.IntegerField(),
            span=IntegerRangeField(null=True),
            group=fk("Group", null=True),
            rank=models.IntegerField(null=True),
            tags=models.ManyToManyField(f"{APP}.Other"),
        ),
        o.AddIndex("Item", models.Index(fields=["number"], name="item_number_idx")),
        o.AddConstraint("Item", models.UniqueConstraint(fields=["number", "name"], name="item_number_uq")),
        o.AddConstraint(
            "Item",
            models.UniqueConstraint(fields=["number"], condition=models.Q(number__gt=5), name="item_part_uq"),
        ),
        o.AddConstraint("Item", check(models.Q(number__gte=0), "item_number_ck")),
        o.AlterUniqueTogether("Item", {("other_number", "slug")}),
    ]


ROWS = """
INSERT INTO b."group" (id, name) OVERRIDING SYSTEM VALUE SELECT n, 'g' || n FROM generate_series(1, 20) n;
INSERT INTO b.other (code) SELECT 'o' || n FROM generate_series(1, 20) n;
INSERT INTO b.item (name, slug, code, note, number, other_number, span, group_id, rank)
SELECT 'n' || n, 's' || n, 'c' || n, nullif('x' || n, 'x7'), n, n, int4range(n, n + 1), n, n
FROM generate_series(1, 20) n;
INSERT INTO b.item_tags (item_id, other_id) SELECT n, n FROM generate_series(1, 20) n;
"""


def add(name: str, field: models.Field[Any, Any]) -> Case:
    return Case(f"add_{name}", lambda table: [o.AddField("Item", "extra", field.clone())])


def alter(name: str, field_name: str, make: Callable[[], models.Field[Any, Any]], model: str = "Item") -> Case:
    return Case(name, lambda table: [o.AlterField(model, field_name, make())])


def ops(name: str, *make: Callable[[], Operation], atomic: bool = True, makes_table: bool = False) -> Case:
    return Case(name, lambda table: [each() for each in make], atomic, makes_table)


def char(**options: Any) -> models.Field[Any, Any]:
    return models.CharField(**({"max_length": 10, "null": True} | options))


def _span() -> ExclusionConstraint:
    return ExclusionConstraint(name="item_span_excl", expressions=[("span", "&&")])


def _unmanaged_group() -> Operation:
    return o.SeparateDatabaseAndState(state_operations=[o.RemoveField("Item", "group")])


def assured(make: Callable[[], Operation]) -> Callable[[], Operation]:
    return lambda: SafetyAssured([make()], reason="nobody is there")


CASES = [
    add("null", models.IntegerField(null=True)),
    add("default", char(max_length=5, null=False, **{"db_default" if features.db_default else "default": "new"})),
    add("foreign_key", fk("Group", null=True, related_name="+")),
    add("unique", char(unique=True)),
    add("positive_integer", models.PositiveIntegerField(null=True)),
    add("indexed", char(db_index=True)),
    Case(
        "add_many_to_many",
        lambda table: [o.AddField("Item", "extra", models.ManyToManyField(f"{APP}.Group", related_name="+"))],
        makes_table=True,
    ),
    alter("not_null", "note", lambda: models.TextField(default="none")),
    alter("longer_varchar", "slug", partial(char, max_length=30, db_index=True)),
    alter("unique_on", "name", partial(char, unique=True, null=False)),
    alter("unique_off", "code", char),
    alter("unique_to_indexed", "code", partial(char, db_index=True)),
    alter("index_on", "name", partial(char, db_index=True, null=False)),
    alter("index_off", "slug", char),
    alter("foreign_key_to_another_table", "group", lambda: fk("Other", null=True, related_name="+")),
    alter("foreign_key_not_null", "group", lambda: fk("Group")),
    alter("foreign_key_without_index", "group", lambda: fk("Group", null=True, db_index=False)),
    alter("foreign_key_without_constraint", "group", lambda: fk("Group", null=True, db_constraint=False)),
    alter("no_auto", "id", lambda: models.IntegerField(primary_key=True), "Group"),
    ops("key_to_bigint", assured(lambda: o.AlterField("Group", "id", models.BigAutoField(primary_key=True)))),
    ops("add_index", lambda: o.AddIndex("Item", models.Index(fields=["rank"], name="item_rank_idx"))),
    ops("remove_index", lambda: o.RemoveIndex("Item", "item_number_idx")),
    ops("rename_index", lambda: o.RenameIndex("Item", new_name="item_renamed_idx", old_name="item_number_idx")),
    ops(
        "add_index_concurrently",
        lambda: AddIndexConcurrently("Item", models.Index(fields=["rank"], name="item_rank_idx")),
        atomic=False,
    ),
    ops("remove_index_concurrently", lambda: RemoveIndexConcurrently("Item", "item_number_idx"), atomic=False),
    ops("add_check", lambda: o.AddConstraint("Item", check(models.Q(rank__gte=0), "item_rank_ck"))),
    ops(
        "add_unique_constraint",
        lambda: o.AddConstraint("Item", models.UniqueConstraint(fields=["rank"], name="item_rank_uq")),
    ),
    ops(
        "add_partial_unique",
        lambda: o.AddConstraint(
            "Item", models.UniqueConstraint(fields=["rank"], condition=models.Q(rank__gt=5), name="item_rank_uq")
        ),
    ),
    ops("add_exclusion", assured(lambda: o.AddConstraint("Item", _span()))),
    ops("remove_check", lambda: o.RemoveConstraint("Item", "item_number_ck")),
    ops("remove_unique_constraint", lambda: o.RemoveConstraint("Item", "item_number_uq")),
    ops("remove_partial_unique", lambda: o.RemoveConstraint("Item", "item_part_uq")),
    ops("unique_together_off", lambda: o.AlterUniqueTogether("Item", set())),
    ops("unique_together_on", lambda: o.AlterUniqueTogether("Item", {("other_number", "slug"), ("rank", "slug")})),
    ops("remove_indexed_field", lambda: o.RemoveField("Item", "slug")),
    ops("remove_unique_field", lambda: o.RemoveField("Item", "code")),
    ops("remove_foreign_key", lambda: o.RemoveField("Item", "group")),
    ops("remove_many_to_many", lambda: o.RemoveField("Item", "tags"), makes_table=True),
    ops("delete_with_foreign_key_to_it", _unmanaged_group, lambda: o.DeleteModel("Group"), makes_table=True),
    ops(
        "remove_foreign_key_and_its_target",
        lambda: o.RemoveField("Item", "group"),
        lambda: o.DeleteModel("Group"),
        makes_table=True,
    ),
    ops("delete_both_ends", lambda: o.DeleteModel("Item"), lambda: o.DeleteModel("Group"), makes_table=True),
    ops("rename_model", assured(lambda: o.RenameModel("Other", "Another"))),
    ops("rename_field", assured(lambda: o.RenameField("Item", "slug", "renamed"))),
    ops("rename_foreign_key", assured(lambda: o.RenameField("Item", "group", "renamed"))),
    Case("rename_table", lambda table: [SafetyAssured([o.AlterModelTable("Item", table("thing"))], reason="nobody")]),
    Case(
        "rename_table_with_new_index",
        lambda table: [
            o.AddField("Item", "extra", models.CharField(max_length=5, null=True, db_index=True)),
            SafetyAssured([o.AlterModelTable("Item", table("thing"))], reason="nobody"),
        ],
    ),
    Case(
        "rename_target_of_new_foreign_key",
        lambda table: [
            o.AddField("Item", "extra", fk("Other", null=True, related_name="+")),
            SafetyAssured([o.AlterModelTable("Other", table("another"))], reason="nobody"),
        ],
    ),
    Case(
        "rename_target_of_new_many_to_many",
        lambda table: [
            o.AddField("Item", "extra", models.ManyToManyField(f"{APP}.Group", related_name="+")),
            SafetyAssured([o.AlterModelTable("Group", table("crowd"))], reason="nobody"),
        ],
        makes_table=True,
    ),
    Case(
        "delete_target_of_new_many_to_many",
        lambda table: [
            o.CreateModel("New", [("id", models.BigAutoField(primary_key=True))], {"db_table": table("new")}),
            o.AddField("Item", "extra", models.ManyToManyField(f"{APP}.New", related_name="+")),
            o.RemoveField("Item", "extra"),
            o.DeleteModel("New"),
        ],
        makes_table=True,
    ),
    ops("table_comment", lambda: o.AlterModelTableComment("Item", "things")),
    ops("column_comment", lambda: o.AlterField("Item", "note", models.TextField(null=True, db_comment="a note"))),
]
#: Where the server says which tables are concerned.
SEVERAL_TABLES = {
    "foreign_key_to_another_table", "key_to_bigint", "no_auto", "delete_with_foreign_key_to_it", "remove_foreign_key",
    "remove_foreign_key_and_its_target", "delete_both_ends", "remove_many_to_many", "rename_foreign_key",
    "rename_table_with_new_index", "rename_target_of_new_foreign_key",
}  # fmt: skip
assert {case.name for case in CASES} >= SEVERAL_TABLES
#: A new table is made in the first schema of the search_path, where none is named: that is another test.
WHERE = [
    (situation, case)
    for situation in SITUATIONS
    for case in CASES
    if (situation.quoted or not case.makes_table) and (situation is not FIRST or case.name in SEVERAL_TABLES)
]
