"""A new NOT NULL column keeps its default for old code, which inserts without it, until none is seen."""

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
from tests.backends.sessions import run
from tests.concurrency.attempts import before_each_statement
from tests.operations.runs import psql

from .conftest import PREFIX, ROWS, TABLES
from .test_contract import leave
from .versions import TYPES, UNKNOWN, Given, Project

pytestmark = pytest.mark.slow

ID = "shop.0002_step:0"
DEFAULTS = """
SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid
AND a.attnum = d.adnum WHERE d.adrelid = to_regclass(%s) AND a.attname = %s
"""


class New(Given):
    """An added field. Its value is the one of existing rows, and of old code's rows."""

    @property
    def operation(self) -> migrations.AddField:
        return migrations.AddField("order", "more", self.field, preserve_default=self.preserve)


TEXT = "it's 100% \\ new"
TIME = datetime.timedelta(days=1, seconds=2)
DAY = datetime.date(2026, 2, 3)
NEW = [
    New("text", models.CharField(max_length=20, default=TEXT), TEXT, "other"),
    New("one-off", models.TextField(default="once"), "once", "", preserve=False),
    New("blank", models.TextField(blank=True), "", "other"),
    New("check and index", models.PositiveIntegerField(default=5, db_index=True), 5, 6),
    New("boolean", models.BooleanField(default=False), False, True),
    New("decimal", models.DecimalField(max_digits=6, decimal_places=2, default=Decimal("1.50")), Decimal("1.50"), 2),
    New("bytes", models.BinaryField(default=b"\x00'\xff"), b"\x00'\xff", b"1"),
    New("date", models.DateField(default=DAY), DAY, datetime.date(2020, 1, 1)),
    New(
        "duration",
        models.DurationField(default=datetime.timedelta(days=1, seconds=2)),
        datetime.timedelta(days=1, seconds=2),
        datetime.timedelta(1),
    ),
    New("json", models.JSONField(default=dict), {}, {"a": [1, "'"]}),
    New("array", ArrayField(models.TextField(), default=list), [], ["a", "b'"]),
    New("uuid", models.UUIDField(default=uuid.uuid4), UNKNOWN, uuid.UUID(int=1)),
    New("foreign key", models.ForeignKey("shop.customer", models.CASCADE, related_name="+", default=1), 1, 2),
]


@pytest.fixture(params=NEW, ids=str)
def new(request: pytest.FixtureRequest) -> New:
    found: New = request.param
    return found


def old_code(project: Project) -> None:
    made = project.old("order").create(note="old", customer_id=1)
    made.note = "changed"
    made.save(using=project.alias)
    model = project.old("order").model
    project.old("order").bulk_create([model(note="many", customer_id=1) for _ in range(2)])
    assert project.old("order").get_or_create(note="got", defaults={"customer_id": 2})[0].customer_id == 2
    assert project.old("order").filter(pk=made.pk).update(rank=models.F("rank") + 1) == 1


def new_code(project: Project, new: New) -> None:
    made = project.new("order").create(note="new", customer_id=1, **{new.attribute: new.other})
    assert new.of(project.new("order").get(pk=made.pk)) == new.other
    project.new("order").filter(note="got").delete()


def default(project: Project, new: New) -> list[tuple[Any, ...]]:
    return project.run(DEFAULTS, "shop_order", new.attribute)


def expand(project: Project, *operations: Any) -> None:
    project.add(*operations)
    said = project.migrate()
    assert "OK" in said and "Warning" not in said
    assert len(project.run(TYPES)) == 1


def test_both_versions_work_and_at_last_the_schema_is_that_of_stock_django(
    new: New, project: Project, stock: Shop, schema: Any
) -> None:
    expand(project, new.operation)
    for _ in range(2):
        old_code(project)
        new_code(project, new)
    old_code(project)
    values = [new.of(x) for x in project.new("order").exclude(note="new")]
    assert len(values) > 10 and all(x == values[0] for x in values)
    assert new.value in (values[0], UNKNOWN)

    paid = project.manage("contract", "--now", "no old code runs")
    assert f'{ID}: the default of column "{new.attribute}" of "shop_order" was dropped' in paid.stdout
    assert (paid.returncode, project.run(TYPES), default(project, new)) == (0, [], [])
    stock.migrate(new.operation)
    assert schema(project.site_connection) == schema(stock.connection)
    new_code(project, new)


def test_a_release_is_taken_back_and_comes_again(new: New, project: Project, schema: Any) -> None:
    beginning = schema(project.site_connection)
    expand(project, new.operation)
    expanded = schema(project.site_connection)
    old_code(project)
    new_code(project, new)
    project.migrate("shop", "0001")
    assert schema(project.site_connection) == beginning
    assert project.run(TYPES) == []
    old_code(project)
    project.migrate()
    if new.value is not UNKNOWN:
        assert schema(project.site_connection) == expanded
    assert project.manage("contract", "--now", "no old code runs").returncode == 0
    project.migrate("shop", "0001")
    assert schema(project.site_connection) == beginning


def test_a_script_leaves_the_same(project: Project, observer: Any, schema: Any) -> None:
    new = NEW[0]
    name = project.add(new.operation)
    script = project.manage("sqlmigrate", "shop", name).stdout
    assert "-- note NOT_NULL_OWED" in script
    psql(project.site.database["NAME"], script)
    project.migrate("--fake")
    old_code(project)
    new_code(project, new)
    by_script = schema(project.site_connection)
    assert [x["id"] for x in project.owed()] == [ID]
    project.migrate("shop", "0001")
    project.migrate()
    assert schema(project.site_connection) == by_script


def test_it_is_paid_when_no_old_code_is_seen(project: Project, observer: Any) -> None:
    project.settings[f"{PREFIX}_CONTRACT_QUIET_TIME"] = 0
    expand(project, NEW[0].operation)
    assert f"Owed still, since old code may use it: {ID} (sessions from before the change are there:" in (
        project.migrate()
    )
    leave(observer, project)
    assert f'{ID} is paid: the default of column "more" of "shop_order" was dropped.' in project.migrate()
    assert default(project, NEW[0]) == []


@pytest.mark.parametrize("how", ["absent", "off", "alone", "empty"])
def test_where_no_old_code_is_it_goes_at_once(
    project: Project, stock: Shop, schema: Any, observer: Any, how: str
) -> None:
    if how == "absent":
        project.settings[f"{PREFIX}_OLD_CODE"] = "absent"
    elif how == "off":
        project.settings[f"{PREFIX}_EXPAND_CONTRACT"] = False
    elif how == "alone":
        leave(observer, project)
    else:
        for sql in ("DELETE FROM shop_order_friends", "TRUNCATE shop_order CASCADE"):
            project.run(sql)
            stock.run(sql)
    project.settings[f"{PREFIX}_RAISE_FOR_UNSAFE"] = how != "off"
    project.add(NEW[0].operation)
    assert ("(not refused: " in project.migrate()) == (how != "off")
    assert project.run(TYPES) == []
    stock.migrate(NEW[0].operation)
    assert schema(project.site_connection) == schema(stock.connection)


def test_fields_that_leave_nothing(project: Project, stock: Shop, schema: Any) -> None:
    fields: dict[str, models.Field[Any, Any]] = {
        "nullable": models.IntegerField(null=True, default=3),
        "friend": models.ManyToManyField("shop.customer", related_name="+"),
    }
    if django.VERSION >= (5, 0):
        fields["of_the_database"] = models.IntegerField(db_default=3)
    operations = [migrations.AddField("order", name, field) for name, field in fields.items()]
    project.add(*operations)
    project.migrate()
    assert project.run(TYPES) == []
    stock.migrate(*operations)
    assert schema(project.site_connection) == schema(stock.connection)


def test_a_unique_column_cannot_give_old_rows_a_value(project: Project) -> None:
    """The value kept for old code would be the value of two rows."""
    project.add(migrations.AddField("order", "more", models.UUIDField(default=uuid.uuid4, unique=True)))
    assert "ADD_COLUMN_NOT_NULL" in project.manage("check_migrations").stdout
    assert "NOT_NULL_OWED" not in project.manage("check_migrations").stdout


def test_names_in_quotes_and_another_schema(project: Project, stock: Shop, schema: Any) -> None:
    fields = [("id", models.BigAutoField(primary_key=True)), ("x", models.IntegerField(null=True))]
    before = [
        migrations.RunSQL('CREATE SCHEMA "A way"', 'DROP SCHEMA "A way"'),
        migrations.CreateModel("far", fields, options={"db_table": 'A way"."Odd Tabl\u00e9'}),
        migrations.RunSQL('INSERT INTO "A way"."Odd Tabl\u00e9" (x) VALUES (1)', ""),
    ]
    more = migrations.AddField("far", "more", models.IntegerField(default=3, db_column="A 'Note'"))
    project.add(*before)
    project.migrate()
    project.add(more)
    project.migrate()
    project.old("far").create(x=2)
    assert list(project.new("far").values_list("more", flat=True)) == [3, 3]
    assert project.manage("contract", "--now", "no old code runs").returncode == 0
    stock.migrate(*before)
    stock.migrate(more)
    assert schema(project.site_connection) == schema(stock.connection)


LATER = {
    "renamed column": migrations.RenameField("order", "more", "much"),
    "renamed table": migrations.AlterModelTable("order", "orders"),
    "type that the default has no cast to": migrations.AlterField("order", "more", models.IntegerField()),
}


@pytest.mark.parametrize("name", LATER)
def test_what_it_is_known_by_is_not_changed_before_anything_is_sent(project: Project, name: str) -> None:
    expand(project, migrations.AddField("order", "more", models.TextField(default="1")))
    project.add(migrations.AddField("order", "last", models.IntegerField(null=True)), LATER[name])
    said = project.refused()
    assert f'{ID} keeps a default of column "more" of "shop_order" for old code' in said
    assert "Nothing has been applied" in said
    assert "last" not in project.columns("shop_order")
    assert project.manage("contract", ID, "--now", "release 41 is gone").returncode == 0
    project.migrate()


def test_what_changes_it_in_another_way_goes_on(project: Project, stock: Shop, schema: Any) -> None:
    changes: list[list[Any]] = [
        [migrations.AddField("order", "more", models.CharField(max_length=10, default="a"))],
        [migrations.AlterField("order", "more", models.CharField(max_length=20, null=True))],
        [migrations.RemoveField("order", "more")],
    ]
    for operations in changes:
        project.add(*operations)
        stock.migrate(*operations)
        project.migrate()
    assert [x["id"] for x in project.owed()] == ["shop.0002_step:0", "shop.0004_step:0"]
    assert project.manage("contract", "--now", "no old code runs").returncode == 0
    assert schema(project.site_connection) == schema(stock.connection)


if django.VERSION >= (5, 0):

    def test_a_default_of_the_database_that_came_later_stays(project: Project, stock: Shop, schema: Any) -> None:
        changes = [
            migrations.AddField("order", "more", models.IntegerField(default=3)),
            migrations.AlterField("order", "more", models.IntegerField(db_default=4)),
        ]
        for operation in changes:
            project.add(operation)
            stock.migrate(operation)
            project.migrate()
        assert project.manage("contract", "--now", "no old code runs").returncode == 0
        assert project.run(TYPES) == []
        assert schema(project.site_connection) == schema(stock.connection)


def test_old_code_notices_nothing_at_any_moment(shop: Shop, observer: Any, settings: Any) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_EXPAND_CONTRACT = True
    shop.migrate(*TABLES)
    shop.run(ROWS)

    def attempt() -> None:
        run(observer, "SET lock_timeout = '1s'; INSERT INTO shop_order (note, rank, customer_id) VALUES ('old', 1, 1)")

    with before_each_statement(shop.connection, attempt) as there:
        shop.migrate(NEW[0].operation, migrations.AddField("order", "last", models.PositiveIntegerField(default=5)))
    assert len(there) > 3
    attempt()
    assert len(shop.run(TYPES)) == 2
    with before_each_statement(shop.connection, attempt):
        shop.unapply()
    assert shop.run(TYPES) == []
