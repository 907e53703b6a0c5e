"""The tables of tests/partitions with their rows, and the objects built on each of their partitions."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.migrations.operations import (
    AddConstraint,
    AddField,
    AddIndex,
    AlterField,
    RemoveIndex,
    RunSQL,
    SeparateDatabaseAndState,
)
from django.db.migrations.operations.base import Operation

from tests.operations.case import check
from tests.partitions.tables import AUTHOR, EVENT, SALE, TREE

from .scenario import Scenario, back, scenario


def tables() -> list[Operation]:
    tree = TREE.replace("shop_", "app_")
    return [SeparateDatabaseAndState([RunSQL(tree)], [AUTHOR, EVENT, SALE])]


def of_sales(name: str, *operations: Operation, **more: Any) -> Scenario:
    return scenario(f"partitioned/{name}", tables(), *operations, filled=False, **more)


INDEX = of_sales("index", AddIndex("sale", models.Index(fields=["pages"], name="by_pages")))
UNIQUE = of_sales(
    "unique",
    AddConstraint("sale", models.UniqueConstraint(fields=["id", "shelf"], name="once")),
    AddField("sale", "more", models.IntegerField(null=True)),
)
KEY = of_sales(
    "foreign_key",
    AlterField("sale", "author", models.ForeignKey("app.Author", models.CASCADE, db_column="author")),
)
NOT_NULL = of_sales("not_null", AlterField("sale", "pages", models.IntegerField(default=1)))
SCENARIOS = [
    *(INDEX, UNIQUE, KEY, NOT_NULL),
    of_sales("check", AddConstraint("sale", check(models.Q(pages__gte=0), "pages_not_negative"))),
    of_sales(
        "index_and_removed",
        AddIndex("sale", models.Index(fields=["title"], name="by_title")),
        AddField("sale", "more", models.CharField(max_length=9, null=True, db_index=True)),
        RemoveIndex("sale", "by_title"),
    ),
    *(back(x) for x in (INDEX, UNIQUE, KEY)),
]
