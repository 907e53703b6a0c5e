"""Names with quotes in them: Django takes a quote that is written twice, and does not find again what it has made.

Stock leaves indexes and constraints there, or fails; so the right value is the one of another character in the quote's
place.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.operations.base import Operation

from django_zero_downtime_migrations.naming import as_django_quotes
from tests.backends.project import Shop
from tests.operations.case import check

Make = Callable[..., BaseDatabaseWrapper]
pytestmark = pytest.mark.filterwarnings("ignore::django_zero_downtime_migrations.errors.UnsafeOperationWarning")
NAMES = {"doubled": 'q""t', "in quotes": '"q""t"', "in another schema": 's""1"."q""t'}


def integer(**options: Any) -> models.Field:
    return models.IntegerField(**{"null": True, "db_column": 'x""y'} | options)


def steps(table: str) -> dict[str, tuple[models.Field, list[Operation]]]:
    """Return by name: the column as it is before, and what is done."""
    together = migrations.AlterUniqueTogether("thing", {("x", "other")})
    apart = migrations.AlterUniqueTogether("thing", set())
    return {
        "unique on": (integer(), [migrations.AlterField("thing", "x", integer(unique=True))]),
        "unique off": (integer(unique=True), [migrations.AlterField("thing", "x", integer())]),
        "index on": (integer(), [migrations.AlterField("thing", "x", integer(db_index=True))]),
        "index off": (integer(db_index=True), [migrations.AlterField("thing", "x", integer())]),
        "not null": (integer(), [migrations.AlterField("thing", "x", integer(null=False, default=3))]),
        "type": (integer(unique=True), [migrations.AlterField("thing", "x", models.BigIntegerField(db_column='x""y'))]),
        "check off": (
            models.PositiveIntegerField(null=True, db_column='x""y'),
            [migrations.AlterField("thing", "x", integer())],
        ),
        "foreign key off": (
            models.ForeignKey("shop.Parent", models.CASCADE, null=True, db_column='x""y'),
            [migrations.AlterField("thing", "x", models.BigIntegerField(null=True, db_column='x""y'))],
        ),
        "remove": (integer(unique=True), [migrations.RemoveField("thing", "x")]),
        "rename": (integer(unique=True), [migrations.RenameField("thing", "x", "z")]),
        "rename table": (integer(unique=True), [migrations.AlterModelTable("thing", table.replace("q", "r"))]),
        "together on": (integer(), [together]),
        "together off": (integer(), [together, apart]),
        "add": (
            integer(),
            [
                migrations.AddField("thing", "u", integer(unique=True, db_column='u""')),
                migrations.AddField("thing", "i", integer(db_index=True, db_column='i""')),
                migrations.AddConstraint("thing", check(models.Q(x__gt=-5), 'ck""')),
                migrations.AddIndex("thing", models.Index(fields=["x"], name='ix""')),
                migrations.RemoveConstraint("thing", 'ck""'),
                migrations.RenameIndex("thing", new_name='iy""', old_name='ix""'),
            ],
        ),
    }


def plain(text: str) -> str:
    """A name as Django is told it, or the server says it, with another character in the place of quotes."""
    return text.replace('""', "Q")


def without(operation: Any) -> Any:
    """An operation that has its names without quotes."""
    made = copy.deepcopy(operation)
    for field in [getattr(made, "field", None), *(each for _, each in getattr(made, "fields", ()))]:
        if field is not None and field.db_column:
            field.db_column = plain(field.db_column)
    for attribute in ("table", "new_name", "old_name", "name"):
        if isinstance(getattr(made, attribute, None), str):
            setattr(made, attribute, plain(getattr(made, attribute)))
    for attribute in ("index", "constraint"):
        if hasattr(made, attribute):
            getattr(made, attribute).name = plain(getattr(made, attribute).name)
    if isinstance(made, migrations.CreateModel) and "db_table" in made.options:
        made.options = {"db_table": plain(made.options["db_table"])}
    return made


WHAT_IS_THERE = """
SELECT i.indisunique, i.indisvalid, c.contype, a.attname, a.attnotnull, format_type(a.atttypid, a.atttypmod)
FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND a.attnum = ANY (i.indkey)
LEFT JOIN pg_constraint c ON c.conrelid = a.attrelid AND a.attnum = ANY (c.conkey)
WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, 2, 3, 4, 5
"""


def there(shop: Shop) -> list[tuple[Any, ...]]:
    table = shop.model("thing")._meta.db_table
    found = shop.run(WHAT_IS_THERE, as_django_quotes(table))
    return sorted((*map(str, row[:3]), plain(row[3].replace('"', '""')), *row[4:]) for row in found)


@pytest.mark.parametrize("name", steps(""))
@pytest.mark.parametrize("written", NAMES)
def test_same_as_with_another_character(written: str, name: str, make_connection: Make) -> None:
    field, operations = steps(NAMES[written])[name]
    fields = [("id", models.BigAutoField(primary_key=True)), ("x", field), ("other", models.IntegerField(null=True))]
    parent = migrations.CreateModel("Parent", [("id", models.BigAutoField(primary_key=True))])
    thing = migrations.CreateModel("Thing", fields, {"db_table": NAMES[written]})
    seen = []
    for change in (without, copy.deepcopy):
        shop = Shop(make_connection())
        shop.run('CREATE SCHEMA "s""1"; CREATE SCHEMA "sQ1"')
        shop.migrate(parent, change(thing))
        before = there(shop)
        shop.migrate(*map(change, operations))
        seen.append([before, there(shop)])
        shop.unapply()
        seen[-1].append(there(shop))
        assert seen[-1][0] == seen[-1][2]
    assert seen[0] == seen[1]
