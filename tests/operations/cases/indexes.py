"""Indexes: added, removed and renamed, and the sets of columns in index_together and unique_together."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField, IntegerRangeField
from django.contrib.postgres.indexes import (
    BloomIndex,
    BrinIndex,
    BTreeIndex,
    GinIndex,
    GistIndex,
    HashIndex,
    OpClass,
    SpGistIndex,
)
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import models
from django.db.migrations.operations import (
    AddIndex,
    AlterIndexTogether,
    AlterUniqueTogether,
    CreateModel,
    RemoveIndex,
    RenameIndex,
)
from django.db.models import F, Index, Q
from django.db.models.expressions import OrderBy
from django.db.models.functions import Collate, Lower, Upper
from django.db.models.indexes import IndexExpression

from .. import features
from ..case import TABLESPACE, Case, model

# What the app django.contrib.postgres does where it is installed.
IndexExpression.register_wrappers(OrderBy, OpClass, Collate)


def thing(**options: Any) -> CreateModel:
    return model(
        "Thing",
        a=models.IntegerField(),
        b=models.CharField(max_length=50),
        day=models.DateField(),
        tags=ArrayField(models.IntegerField()),
        data=models.JSONField(),
        area=IntegerRangeField(null=True),
        options=options,
    )


INDEXES = {
    "plain": Index(fields=["a"], name="thing_index"),
    "of_two": Index(fields=["a", "b"], name="thing_index"),
    "descending": Index(fields=["-a", "b"], name="thing_index"),
    "nulls_last": Index(F("a").desc(nulls_last=True), name="thing_index"),
    "partial": Index(fields=["a"], name="thing_index", condition=Q(b="it's 100%") & Q(a__gt=7)),
    "covering": Index(fields=["a"], name="thing_index", include=["b", "day"]),
    "expression": Index(Lower("b"), Upper("b").desc(), name="thing_index"),
    "expression_with_opclass": Index(OpClass(Lower("b"), name="varchar_pattern_ops"), name="thing_index"),
    "opclass": Index(fields=["b"], name="thing_index", opclasses=["varchar_pattern_ops"]),
    "gin": GinIndex(fields=["tags"], name="thing_index", fastupdate=False),
    "gin_with_opclass": GinIndex(fields=["data"], name="thing_index", opclasses=["jsonb_path_ops"]),
    "brin": BrinIndex(fields=["day"], name="thing_index", pages_per_range=4, autosummarize=True),
    "hash": HashIndex(fields=["b"], name="thing_index", condition=Q(a=1)),
    "gist": GistIndex(fields=["area"], name="thing_index", buffering=True, fillfactor=70),
    "spgist": SpGistIndex(fields=["b"], name="thing_index", fillfactor=80),
    "btree": BTreeIndex(fields=["a"], name="thing_index", fillfactor=80),
    "in_tablespace": Index(fields=["a"], name="thing_index", db_tablespace=TABLESPACE),
    "mixed_case": Index(fields=["a"], name="Thing Index"),
}
CASES = [Case(f"add_index/{name}", [thing()], [AddIndex("thing", index)]) for name, index in INDEXES.items()]
CASES += [
    Case(
        "add_index/bloom",
        [thing()],
        [AddIndex("thing", BloomIndex(fields=["a", "b"], name="thing_index", length=100, columns=[4, 2]))],
        data=("CREATE EXTENSION bloom",),
    ),
]
CASES += [
    Case(f"add_index_concurrently/{name}", [thing()], [AddIndexConcurrently("thing", INDEXES[name])], atomic=False)
    for name in ("plain", "partial", "gin", "in_tablespace")
]
CASES += [
    Case("remove_index/plain", [thing(indexes=[INDEXES["plain"]])], [RemoveIndex("thing", "thing_index")]),
    Case("remove_index/expression", [thing(indexes=[INDEXES["expression"]])], [RemoveIndex("thing", "thing_index")]),
    Case(
        "remove_index_concurrently/partial",
        [thing(indexes=[INDEXES["partial"]])],
        [RemoveIndexConcurrently("thing", "thing_index")],
        atomic=False,
    ),
    Case(
        "rename_index/plain",
        [thing(indexes=[INDEXES["plain"]])],
        [RenameIndex("thing", "renamed", old_name="thing_index")],
    ),
    Case(
        "rename_index/mixed_case",
        [thing(indexes=[INDEXES["mixed_case"]])],
        [RenameIndex("thing", "another_index", old_name="Thing Index")],
    ),
    Case(
        "replace_index/same_name",
        [thing(indexes=[INDEXES["plain"]])],
        [RemoveIndex("thing", "thing_index"), AddIndex("thing", INDEXES["partial"])],
    ),
    Case("alter_unique_together/add", [thing()], [AlterUniqueTogether("thing", {("a", "b")})]),
    Case("alter_unique_together/two", [thing()], [AlterUniqueTogether("thing", {("a", "b"), ("a", "day")})]),
    Case("alter_unique_together/remove", [thing(unique_together={("a", "b")})], [AlterUniqueTogether("thing", set())]),
    Case(
        "alter_unique_together/change",
        [thing(unique_together={("a", "b")})],
        [AlterUniqueTogether("thing", {("a", "day")})],
    ),
    Case(
        "alter_unique_together/order",
        [thing(unique_together={("a", "b")})],
        [AlterUniqueTogether("thing", {("b", "a")})],
    ),
]
if features.index_together:
    CASES += [
        Case("alter_index_together/add", [thing()], [AlterIndexTogether("thing", {("a", "b")})]),
        Case("alter_index_together/remove", [thing(index_together={("a", "b")})], [AlterIndexTogether("thing", set())]),
        Case(
            "rename_index/of_index_together",
            [thing(index_together={("a", "b")})],
            [RenameIndex("thing", "named", old_fields=("a", "b"))],
        ),
    ]
