"""Names with capitals and blanks, in another script, with what means something in SQL, in another schema, and near the
longest that PostgreSQL keeps.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import models
from django.db.migrations.operations import (
    AddConstraint,
    AddField,
    AddIndex,
    AlterField,
    AlterModelTable,
    AlterUniqueTogether,
    CreateModel,
    DeleteModel,
    RemoveField,
    RenameField,
    RunSQL,
)
from django.db.migrations.operations.base import Operation
from django.db.models import Index, Q

from ..case import TABLESPACE, Case, check, fk, model

LONG_TABLE = "a_table_whose_name_is_as_long_as_postgresql_allows_it_to_be_yes"
LONG_COLUMN = "a_column_whose_name_is_as_long_as_postgresql_allows_it_to_be_ye"
TABLES = {
    "schema": 'other"."Some Table',
    "long": LONG_TABLE,
    "mixed_case": "Some Täble",
    # The names that Django makes of them are within 63 characters, and beyond 63 bytes.
    "other_script": "магазин_заказ",
    "hostile": "it's a.b; -- $1 \\ $zdm$ ",
}
COLUMNS = {
    "schema": "select",
    "long": LONG_COLUMN,
    "mixed_case": "Some Cölumn",
    "other_script": "номер_документа_поставки",
    "hostile": " /* 😀's (x) $$",
}
#: There or back, Django looks for a constraint or index.
LOOKED_FOR = ("unique", "foreign_key", "index_to_unique", "unique_to_index")
SCHEMA = RunSQL("CREATE SCHEMA other", "DROP SCHEMA other")


def _before(kind: str, *others: Operation, **fields: models.Field[Any, Any]) -> list[Operation]:
    start = [SCHEMA] if kind == "schema" else []
    table = model("Thing", name=models.CharField(max_length=20), **fields, options={"db_table": TABLES[kind]})
    return [*start, model("Parent", code=models.CharField(max_length=20, unique=True)), *others, table]


def _column(kind: str, field: models.Field[Any, Any]) -> models.Field[Any, Any]:
    field.db_column = COLUMNS[kind]
    return field


#: Of these columns Django makes two indexes, and stock fails where the server cuts their names to one.
TWO_INDEXES = ("add_indexed", "remove_indexed", "alter_unique", "alter_longer")
#: Stock Django leaves behind what it looks for in the wrong schema (tests/schemas).
LEFT_BEHIND = ("alter_index_to_unique", "alter_unique_to_index")
NOT_LIKE_STOCK = {"other_script": TWO_INDEXES, "schema": LEFT_BEHIND}


def _cases(kind: str) -> Iterator[Case]:
    for case in _every_case(kind):
        if case.name.rpartition("/")[2] not in NOT_LIKE_STOCK.get(kind, ()):
            yield case


def _every_case(kind: str) -> Iterator[Case]:
    def case(name: str, operations: list[Operation], before: list[Operation] | None = None, **options: Any) -> Case:
        return Case(f"names/{kind}/{name}", before or _before(kind), operations, **options)

    def column(field: models.Field[Any, Any]) -> models.Field[Any, Any]:
        return _column(kind, field)

    def altered(old: models.Field[Any, Any], new: models.Field[Any, Any]) -> tuple[list[Operation], list[Operation]]:
        return _before(kind, x=column(old)), [AlterField("thing", "x", column(new))]

    yield case("add_unique", [AddField("thing", "x", column(models.CharField(max_length=9, null=True, unique=True)))])
    yield case(
        "add_indexed", [AddField("thing", "x", column(models.CharField(max_length=9, null=True, db_index=True)))]
    )
    yield case("add_positive", [AddField("thing", "x", column(models.PositiveIntegerField(null=True)))])
    yield case("add_foreign_key", [AddField("thing", "x", column(fk("parent", null=True)))])
    yield case("add_many_to_many", [AddField("thing", "x", models.ManyToManyField("app.parent"))])
    # Stock Django cannot move a table into another schema, nor find a constraint or an index there (tests/schemas).
    back: dict[str, Any] = {"reversible": kind != "schema"}
    yield case("add_index", [AddIndex("thing", Index(fields=["name"], name="Named Index"))], **back)
    yield case("add_check", [AddConstraint("thing", check(~Q(name=""), "Named Check"))])
    yield case("rename_field", [RenameField("thing", "name", "other")])
    yield case("delete", [DeleteModel("Thing")], _before(kind, x=column(fk("parent", null=True))))
    yield case(
        "rename_table", [AlterModelTable("thing", "plain")], _before(kind, x=column(fk("thing", null=True))), **back
    )
    yield case(
        "unique_together",
        [AlterUniqueTogether("thing", {("name", "x")})],
        _before(kind, x=column(models.IntegerField())),
        **back,
    )
    yield case("remove_indexed", [RemoveField("thing", "x")], _before(kind, x=column(models.SlugField(null=True))))
    yield case(
        "remove_unique", [RemoveField("thing", "x")], _before(kind, x=column(models.SlugField(null=True, unique=True)))
    )
    yield case("remove_foreign_key", [RemoveField("thing", "x")], _before(kind, x=column(fk("parent", null=True))))
    for name, old, new in (
        ("not_null", models.IntegerField(null=True), models.IntegerField()),
        ("not_null_with_default", models.IntegerField(null=True), models.IntegerField(default=4)),
        ("unique", models.CharField(max_length=20), models.CharField(max_length=20, unique=True)),
        ("index_to_unique", models.IntegerField(db_index=True), models.IntegerField(unique=True)),
        ("unique_to_index", models.IntegerField(unique=True), models.IntegerField(db_index=True)),
        ("longer", models.CharField(max_length=20, db_index=True), models.CharField(max_length=30, db_index=True)),
        ("bigger", models.PositiveIntegerField(), models.PositiveBigIntegerField()),
        ("foreign_key", models.BigIntegerField(), fk("parent")),
    ):
        before, operations = altered(old, new)
        yield case(f"alter_{name}", operations, before, **(back if name in LOOKED_FOR else {}))


TOO_LONG = {"letters": "abcdefghij" * 8, "bytes": "абвгдеёжзий" * 4, "within_a_character": "xyz" + "é" * 33}


def _too_long(kind: str, name: str) -> Case:
    x = models.IntegerField(null=True, db_column=name)
    return Case(
        f"names/too_long/{kind}",
        [model("Parent"), model("Thing", x=x, options={"db_table": name})],
        [
            AddField("thing", "y", models.PositiveIntegerField(null=True, unique=True, db_column=name[1:])),
            AddField("thing", "parent", fk("parent", null=True, db_column=name[2:])),
            AlterField("thing", "x", models.IntegerField(db_column=name, default=3)),
            RenameField("thing", "x", "z"),
            AlterModelTable("thing", f"other_{name}"),
        ],
    )


#: Names that the server would choose are taken, so it chooses the next ones.
TAKEN = model(
    "Thing",
    name=models.CharField(max_length=20),
    options={
        "indexes": [
            Index(fields=["name"], name="app_thing_added_key"),
            Index(fields=["-name"], name="app_thing_x_check"),
        ],
        "constraints": [check(~Q(name=""), "app_thing_added_check"), check(~Q(name="x"), "app_thing_name_not_null")],
    },
)
CASES = [case for kind in TABLES for case in _cases(kind)]
CASES += [
    Case("names/taken/unique", [TAKEN], [AddField("thing", "added", models.IntegerField(null=True, unique=True))]),
    Case("names/taken/check", [TAKEN], [AddField("thing", "added", models.PositiveIntegerField(null=True))]),
    Case(
        "names/taken/two_of_one_prefix",
        _before("long"),
        [
            AddField("thing", "x", models.IntegerField(null=True, unique=True, db_column=LONG_COLUMN[:-1] + "1")),
            AddField("thing", "y", models.IntegerField(null=True, unique=True, db_column=LONG_COLUMN[:-1] + "2")),
        ],
    ),
    Case(
        "names/taken/not_null",
        [
            model(
                "Thing",
                x=models.IntegerField(null=True),
                options={"constraints": [check(Q(x__gt=-5), "app_thing_x_not_null")]},
            )
        ],
        [AlterField("thing", "x", models.IntegerField())],
    ),
    *(_too_long(kind, name) for kind, name in TOO_LONG.items()),
    Case(
        "names/tablespace/table",
        [model("Parent"), model("Thing", x=models.IntegerField(), options={"db_tablespace": TABLESPACE})],
        [AddField("thing", "y", fk("parent", null=True)), AlterField("thing", "x", models.IntegerField(unique=True))],
    ),
    Case(
        "names/new_table_in_another_schema",
        [SCHEMA, model("Parent")],
        [
            CreateModel(
                "New",
                [("id", models.BigAutoField(primary_key=True)), ("parent", fk("parent")), ("slug", models.SlugField())],
                {"db_table": 'other"."new'},
            )
        ],
    ),
]
