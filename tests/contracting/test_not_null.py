"""A column that becomes NOT NULL is filled by a trigger for old code that writes NULL, until none is seen."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal
from typing import Any

import django
import pytest
from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models

from tests.backends.project import Shop

from .versions import TYPES, UNKNOWN, Given, Project

ID = "shop.0003_step:0"
#: The objects that are kept beside a table's columns.
KEPT = """
SELECT 'trigger' FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'function' FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
UNION ALL SELECT 'sequence' FROM pg_class c WHERE c.relkind = 'S' AND c.relname LIKE '%zdm%'
"""


class Stricter(Given):
    """A field that takes NULL and then does not. It has its final form, and its value replaces NULL."""

    @property
    def before(self) -> list[Any]:
        loose: Any = self.field.clone()
        loose.null, loose.default = True, models.NOT_PROVIDED
        if hasattr(loose, "db_default"):
            loose.db_default = models.NOT_PROVIDED
        return [migrations.AddField("order", "more", loose)]

    @property
    def operation(self) -> migrations.AlterField:
        return migrations.AlterField("order", "more", self.field, preserve_default=self.preserve)


PRICE = Decimal("1.50")
TEXT = 'it\'s 100% \\ "new"'
TIME = datetime.timedelta(days=1, seconds=2)
DAY = datetime.date(2026, 2, 3)
STRICTER = [
    Stricter("text", models.CharField(max_length=20, default=TEXT), TEXT, "other"),
    Stricter("one-off", models.TextField(default="once"), "once", "", preserve=False),
    Stricter("check and index", models.PositiveIntegerField(default=5, db_index=True), 5, 6),
    Stricter("boolean", models.BooleanField(default=True), True, False),
    Stricter("decimal", models.DecimalField(max_digits=6, decimal_places=2, default=PRICE), PRICE, 2),
    Stricter("bytes", models.BinaryField(default=b"\x00'\xff"), b"\x00'\xff", b"1"),
    Stricter("date", models.DateField(default=DAY), DAY, datetime.date(2020, 1, 1)),
    Stricter("duration", models.DurationField(default=TIME), TIME, datetime.timedelta(1)),
    Stricter("json", models.JSONField(default=dict), {}, {"a": [1, "'"]}),
    Stricter("array", ArrayField(models.TextField(), default=list), [], ["a", "b'"]),
    Stricter("uuid", models.UUIDField(default=uuid.uuid4), UNKNOWN, uuid.UUID(int=1)),
    Stricter("foreign key", models.ForeignKey("shop.customer", models.CASCADE, related_name="+", default=1), 1, 2),
]
if django.VERSION >= (5, 0):
    from django.db.models.functions import Upper

    STRICTER += [
        Stricter("default of the database", models.IntegerField(db_default=5), 5, 6),
        Stricter("expression of the database", models.TextField(db_default=Upper(models.Value("a"))), "A", "b"),
    ]


@pytest.fixture(params=STRICTER, ids=str)
def stricter(request: pytest.FixtureRequest, project: Project, stock: Shop) -> Stricter:
    """Make its column in both databases, with a value in one row."""
    found: Stricter = request.param
    begin(project, found)
    stock.migrate(*found.before)
    return found


def begin(project: Project, of: Stricter) -> None:
    project.add(*of.before)
    project.migrate()
    project.model(-1, "order").filter(pk=2).update(**{of.attribute: of.other})


def old_code(project: Project, of: Stricter) -> None:
    order = project.old("order")
    made = order.create(note="old", customer_id=1)
    assert of.of(made) is None
    order.create(note="written", customer_id=1, **{of.attribute: of.other})
    made.note = "changed"
    made.save(using=project.alias)
    order.bulk_create([order.model(note="many", customer_id=1) for _ in range(2)])
    assert order.filter(note="many").update(**{of.attribute: None})
    assert order.filter(pk=made.pk).update(rank=models.F("rank") + 1) == 1
    model = order.model(note="conflict", customer_id=1, code=1)
    fields = {"update_conflicts": True, "unique_fields": ["code"], "update_fields": [of.attribute]}
    order.bulk_create([model], **fields)
    order.get_or_create(note="got", defaults={"customer_id": 2})


def new_code(project: Project, of: Stricter) -> None:
    made = project.new("order").create(note="new", customer_id=1, **{of.attribute: of.other})
    assert of.of(project.new("order").get(pk=made.pk)) == of.other
    project.new("order").filter(note="got").delete()


def expand(project: Project, *operations: Any) -> str:
    project.add(*operations)
    said = project.migrate()
    assert "OK" in said and "Warning" not in said
    assert len(project.run(TYPES)) == 1
    return said


def test_both_versions_work_and_at_last_the_schema_is_that_of_stock_django(
    stricter: Stricter, project: Project, stock: Shop, schema: Any
) -> None:
    expand(project, stricter.operation)
    for _ in range(2):
        old_code(project, stricter)
        new_code(project, stricter)
    old_code(project, stricter)
    given = project.new("order").exclude(note__in=["new", "written", "second"])
    values = [stricter.of(x) for x in given]
    assert len(values) > 10 and all(x == values[0] for x in values)
    assert stricter.value in (values[0], UNKNOWN)
    assert stricter.of(project.new("order").get(pk=2)) == stricter.other

    paid = project.manage("contract", "--now", "no old code runs")
    assert f'{ID}: the trigger that fills column "{stricter.attribute}" of "shop_order" was dropped' in paid.stdout
    assert (paid.returncode, project.run(TYPES), project.run(KEPT)) == (0, [], [])
    stock.migrate(stricter.operation)
    assert schema(project.site_connection) == schema(stock.connection)
    new_code(project, stricter)


def test_a_release_is_taken_back_and_comes_again(stricter: Stricter, project: Project, schema: Any) -> None:
    beginning = schema(project.site_connection)
    expand(project, stricter.operation)
    expanded = schema(project.site_connection)
    old_code(project, stricter)
    new_code(project, stricter)
    project.migrate("shop", "0002")
    assert schema(project.site_connection) == beginning
    assert (project.run(TYPES), project.run(KEPT)) == ([], [])
    old_code(project, stricter)
    project.migrate()
    if stricter.value is not UNKNOWN:
        assert schema(project.site_connection) == expanded
    assert project.manage("contract", "--now", "no old code runs").returncode == 0
    project.migrate("shop", "0002")
    assert schema(project.site_connection) == beginning
