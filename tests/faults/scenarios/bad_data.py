"""Rows that stop a migration, its message about them, and their repair."""

from __future__ import annotations

from typing import NamedTuple

from django.db import models
from django.db.migrations.operations import AddConstraint, AddField, AlterField, AlterUniqueTogether
from django.db.migrations.operations.base import Operation

from tests.operations.case import check, fk, model, one_to_one

from . import code
from .chains import char, integer
from .partitioned import of_sales
from .scenario import Scenario, scenario


class Bad(NamedTuple):
    """Rows that stop a step.

    :param broken: SQL that makes the rows bad.
    :param repaired: SQL that makes them good.
    :param said: what the error says of them, as a regular expression.
    """

    scenario: Scenario
    broken: str
    repaired: str
    said: str

    def __str__(self) -> str:
        return self.scenario.name


def tables(**options: object) -> list[Operation]:
    return [
        model("Parent", code=models.CharField(max_length=20, unique=True)),
        model(
            "Thing",
            a=integer(),
            b=models.IntegerField(),
            name=char(),
            parent=fk("parent"),
            number=models.BigIntegerField(db_column="number_id"),
            options=options,
        ),
    ]


def of(name: str, *operations: Operation, **more: str) -> Bad:
    return Bad(scenario(f"bad/{name}", tables(), *operations), **more)


def unique() -> Operation:
    return AlterField("thing", "name", char(unique=True))


DUPLICATES = {
    "broken": "UPDATE app_thing SET name = 'same' WHERE id IN (3, 17)",
    "repaired": "UPDATE app_thing SET name = 'other' WHERE id = 17",
    "said": "with the same name: id (3 = 17|17 = 3)",
}
NULLS = {
    "broken": "UPDATE app_thing SET a = NULL WHERE id IN (5, 8)",
    "repaired": "UPDATE app_thing SET a = 0 WHERE a IS NULL",
    "said": "with NULL in a: id 5, 8",
}
NEGATIVE = {
    "broken": "UPDATE app_thing SET b = -1 WHERE id IN (2, 4)",
    "repaired": "UPDATE app_thing SET b = 1 WHERE b < 0",
    "said": "id 2, 4",
}
LOST = {
    "broken": "UPDATE app_thing SET number_id = 4711 WHERE id = 9",
    "repaired": "UPDATE app_thing SET number_id = 9 WHERE id = 9",
    "said": "whose number_id is not in public.app_parent: id 9",
}
TWO_CHILDREN = {
    "broken": "UPDATE app_thing SET parent_id = 1 WHERE id IN (1, 6)",
    "repaired": "UPDATE app_thing SET parent_id = 6 WHERE id = 6",
    "said": "with the same parent_id: id (1 = 6|6 = 1)",
}
NOT_NULL = of("not_null", AlterField("thing", "a", models.IntegerField()), **NULLS)
SALE_NULLS = {
    "broken": "UPDATE app_sale SET pages = NULL WHERE id IN (5, 250)",
    "repaired": "UPDATE app_sale SET pages = 0 WHERE pages IS NULL",
    "said": "with NULL in pages",
}
CASES = [
    of("unique", unique(), **DUPLICATES),
    of(
        "unique_constraint",
        AddConstraint(
            "thing", models.UniqueConstraint(fields=["name"], condition=models.Q(id__gt=2), name="one", include=["a"])
        ),
        **DUPLICATES,
    ),
    of(
        "unique_together",
        AlterUniqueTogether("thing", {("a", "b")}),
        broken="UPDATE app_thing SET a = 500, b = 1 WHERE id IN (3, 17)",
        repaired="UPDATE app_thing SET a = 2 WHERE id = 17",
        said="with the same a, b: id (3 = 17|17 = 3)",
    ),
    NOT_NULL,
    of("check", AddConstraint("thing", check(models.Q(b__gte=0), "not_negative")), **NEGATIVE),
    of("positive", AlterField("thing", "b", models.PositiveIntegerField()), **NEGATIVE),
    of("foreign_key", AlterField("thing", "number", fk("parent", related_name="+")), **LOST),
    of("one_to_one", AlterField("thing", "parent", one_to_one("parent")), **TWO_CHILDREN),
    of("one_to_one_from_a_number", AlterField("thing", "number", one_to_one("parent", related_name="+")), **LOST),
    Bad(
        scenario(
            "bad/primary_key",
            [model("Thing", old=models.IntegerField(primary_key=True), new=models.IntegerField())],
            AlterField("thing", "old", models.IntegerField()),
            AlterField("thing", "new", models.IntegerField(primary_key=True)),
        ),
        broken="UPDATE app_thing SET new = 1 WHERE old IN (1, 2)",
        repaired="UPDATE app_thing SET new = 2 WHERE old = 2",
        said="with the same new",
    ),
    of(
        "after_more",
        AddField("thing", "c", models.IntegerField(null=True, db_index=True)),
        AddConstraint("thing", check(models.Q(b__gte=-5), "small")),
        unique(),
        AddField("thing", "d", integer()),
        **DUPLICATES,
    ),
    of(
        "after_a_new_table",
        model("New", thing=fk("thing"), label=models.SlugField()),
        unique(),
        AddField("new", "d", integer()),
        **DUPLICATES,
    ),
    # The effects of the code stay, and it does not run again.
    Bad(scenario("bad/after_code", code.tables(), code.python(), unique(), random=("id",)), **DUPLICATES),
    Bad(of_sales("bad/not_null", AlterField("sale", "pages", models.IntegerField())), **SALE_NULLS),
    Bad(
        of_sales("bad/check", AddConstraint("sale", check(models.Q(pages__gte=0), "pages_not_negative"))),
        broken="UPDATE app_sale SET pages = -1 WHERE id IN (5, 250)",
        repaired="UPDATE app_sale SET pages = 1 WHERE pages < 0",
        said="that violate pages_not_negative",
    ),
    Bad(
        of_sales("bad/unique", AddConstraint("sale", models.UniqueConstraint(fields=["id", "shelf"], name="once"))),
        broken="UPDATE app_sale SET id = 6, shelf = 7 WHERE id IN (6, 7)",
        repaired="UPDATE app_sale SET id = 7 WHERE ctid = (SELECT max(ctid) FROM sale_low WHERE id = 6) AND id = 6",
        said="with the same id, shelf",
    ),
    Bad(
        of_sales(
            "bad/foreign_key",
            AlterField("sale", "author", models.ForeignKey("app.Author", models.CASCADE, db_column="author")),
        ),
        broken="UPDATE app_sale SET author = 4711 WHERE id IN (5, 250)",
        repaired="UPDATE app_sale SET author = 1 WHERE author = 4711",
        said="whose author is not in public.app_author",
    ),
]
SCENARIOS = [bad.scenario for bad in CASES]
