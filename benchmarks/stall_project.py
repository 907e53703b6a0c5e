"""The project that `stall.py` migrates: two related tables under traffic, one beside them, one in three partitions.

Every operation is a migration of its own behind the same first one, in a folder of its own for `MIGRATION_MODULES`.
"""

from __future__ import annotations

import compileall
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from . import generated
from .stall_schema import EVENTS, PARTITIONS, VOUCHERS, customers, partition

APP = "shop"

SETTINGS = """import json
import os

DATABASES = {"default": json.loads(os.environ["DATABASE"])}
MIGRATION_MODULES = {"shop": f"shop.{os.environ['OPERATION']}"}
INSTALLED_APPS = json.loads(os.environ["APPS"])
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SECRET_KEY = "benchmark"
USE_TZ = True
globals().update(json.loads(os.environ["SETTINGS"]))
"""


@dataclass(frozen=True)
class Change:
    """A change.

    :ivar name: a Python identifier.
    :ivar short: stock Django only changes the catalogue, under ACCESS EXCLUSIVE on a table that the clients and the
        report use: nothing is scanned, built or rewritten.
    :ivar scene: which tables the clients and the report work on.
    """

    name: str
    title: str
    operations: Callable[[], list[Operation]]
    short: bool = False
    scene: str = "shop"


def add(name: str, field: models.Field[Any, Any]) -> list[Operation]:
    return [migrations.AddField("Order", name, field)]


def alter(name: str, field: models.Field[Any, Any]) -> list[Operation]:
    return [migrations.AlterField("Order", name, field)]


def to_customer(**parameters: Any) -> models.Field[Any, Any]:
    return models.ForeignKey(f"{APP}.Customer", models.CASCADE, null=True, related_name="+", **parameters)


def with_default_in_database() -> models.Field[Any, Any]:
    try:
        return models.IntegerField(db_default=0)
    except TypeError:  # Django 4.2
        return models.IntegerField(null=True, default=0)


def check() -> models.CheckConstraint:
    condition = models.Q(total__gte=0)
    try:
        return models.CheckConstraint(condition=condition, name="order_total_not_negative")
    except TypeError:  # its name before Django 5.1
        return models.CheckConstraint(check=condition, name="order_total_not_negative")  # type: ignore[call-arg]


def unique() -> models.UniqueConstraint:
    return models.UniqueConstraint(fields=["customer", "number"], name="order_customer_number")


def delete_voucher() -> list[Operation]:
    """The code has forgotten the foreign key to it, the database has not: as in a release before the migration."""
    forget = migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("Order", "voucher")])
    return [forget, migrations.DeleteModel("Voucher")]


def many_to_many() -> list[Operation]:
    return add("watchers", models.ManyToManyField(f"{APP}.Customer", related_name="+"))


CHANGES = [
    Change("add_null", "AddField null", lambda: add("note", models.TextField(null=True)), short=True),
    Change("add_db_default", "AddField db_default", lambda: add("level", with_default_in_database()), short=True),
    Change("add_fk", "AddField ForeignKey", lambda: add("agent", to_customer())),
    Change(
        "add_unique", "AddField unique", lambda: add("code", models.CharField(max_length=20, null=True, unique=True))
    ),
    Change("add_positive", "AddField PositiveInteger", lambda: add("packages", models.PositiveIntegerField(null=True))),
    Change("not_null", "AlterField not null", lambda: alter("channel", models.CharField(max_length=10))),
    Change("varchar_up", "AlterField varchar longer", lambda: alter("status", models.CharField(max_length=50)), True),
    Change("alter_unique", "AlterField unique", lambda: alter("number", models.CharField(max_length=20, unique=True))),
    Change("alter_index", "AlterField db_index", lambda: alter("total", models.IntegerField(db_index=True))),
    Change("alter_fk", "AlterField to ForeignKey", lambda: alter("referrer", to_customer(db_column="referrer"))),
    Change(
        "add_index",
        "AddIndex",
        lambda: [migrations.AddIndex("Order", models.Index(fields=["quantity", "total"], name="order_amount"))],
    ),
    Change("add_check", "AddConstraint check", lambda: [migrations.AddConstraint("Order", check())]),
    Change("add_constraint", "AddConstraint unique", lambda: [migrations.AddConstraint("Order", unique())]),
    Change("remove_field", "RemoveField with an index", lambda: [migrations.RemoveField("Order", "legacy")], True),
    Change("delete_model", "DeleteModel with an inbound FK", delete_voucher, short=True),
    Change("many_to_many", "AddField ManyToMany", many_to_many),
    Change(
        "rename_index",
        "RenameIndex",
        lambda: [migrations.RenameIndex("Order", new_name="order_moment", old_name="order_placed")],
    ),
    Change(
        "partitions",
        "AddField null, three partitions",
        lambda: [migrations.AddField("Event", "note", models.TextField(null=True))],
        short=True,
        scene="events",
    ),
]
QUICK = ("add_null", "add_index", "partitions")


def first() -> list[Operation]:
    return [
        migrations.CreateModel(
            "Customer",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("name", models.CharField(max_length=50)),
                ("points", models.IntegerField()),
            ],
        ),
        migrations.CreateModel(
            "Voucher",
            [("id", models.BigAutoField(primary_key=True)), ("code", models.CharField(max_length=20, unique=True))],
        ),
        migrations.CreateModel(
            "Order",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("number", models.CharField(max_length=20)),
                ("customer", models.ForeignKey(f"{APP}.Customer", models.CASCADE)),
                ("voucher", models.ForeignKey(f"{APP}.Voucher", models.CASCADE, null=True)),
                ("referrer", models.BigIntegerField(null=True)),
                ("status", models.CharField(max_length=10)),
                ("channel", models.CharField(max_length=10, null=True)),
                ("quantity", models.IntegerField()),
                ("total", models.IntegerField()),
                ("legacy", models.CharField(max_length=10, null=True, db_index=True)),
                ("placed", models.DateTimeField()),
            ],
            {"indexes": [models.Index(fields=["placed"], name="order_placed")]},
        ),
        migrations.SeparateDatabaseAndState([migrations.RunSQL([*EVENT_TABLE])], [create_event()]),
    ]


def create_event() -> Operation:
    fields: list[tuple[str, models.Field[Any, Any]]] = [
        ("id", models.BigIntegerField(primary_key=True)),
        ("seen", models.IntegerField()),
    ]
    return migrations.CreateModel("Event", fields)


EVENT_TABLE = [
    "CREATE TABLE shop_event (id bigint PRIMARY KEY, seen integer NOT NULL) PARTITION BY RANGE (id)",
    *(
        f"CREATE TABLE {partition(number)} PARTITION OF shop_event "
        f"FOR VALUES FROM ({number * EVENTS // PARTITIONS + 1}) TO ({(number + 1) * EVENTS // PARTITIONS + 1})"
        for number in range(PARTITIONS)
    ),
]

# The rows are consistent by construction; checking each foreign key would double the time.
FILL = """
SET session_replication_role = replica;
INSERT INTO shop_customer (name, points) SELECT 'Customer ' || g, 0 FROM generate_series(1, {customers}) g;
INSERT INTO shop_voucher (code) SELECT 'V' || g FROM generate_series(1, {vouchers}) g;
INSERT INTO shop_order (number, customer_id, voucher_id, referrer, status, channel, quantity, total, legacy, placed)
SELECT 'N' || g, 1 + g % {customers}, CASE WHEN g % 10 = 0 THEN 1 + g % {vouchers} END, 1 + g % 7, 'open', 'shop',
       1 + g % 9, g % 1000, 'L' || g % 5000, timestamptz '2026-01-01 00:00+00' + g * interval '1 second'
FROM generate_series(1, {rows}) g;
INSERT INTO shop_event (id, seen) SELECT g, 0 FROM generate_series(1, {events}) g;
RESET session_replication_role;
"""


def fill(rows: int) -> list[str]:
    """The statements that fill the tables, each to be sent on its own."""
    text = FILL.format(rows=rows, customers=customers(rows), events=EVENTS, vouchers=VOUCHERS)
    return [
        *(statement for statement in text.split(";") if statement.strip()),
        "VACUUM (ANALYZE, FREEZE)",
        "CHECKPOINT",
    ]


def write(folder: Path) -> None:
    """Write the project into a new folder; its settings are read from the environment."""
    (folder / APP).mkdir(parents=True)
    (folder / "project_settings.py").write_text(SETTINGS)
    for module in ("__init__.py", "models.py"):
        (folder / APP / module).write_text("")
    write_migrations(folder, "start", [])
    for change in CHANGES:
        write_migrations(folder, change.name, change.operations())
    compileall.compile_dir(folder, quiet=1)


def write_migrations(folder: Path, name: str, operations: list[Operation]) -> None:
    package = folder / APP / name
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "0001_first.py").write_text(generated.migration_text(APP, "0001_first", [], first()))
    if operations:
        text = generated.migration_text(APP, f"0002_{name}", [(APP, "0001_first")], operations)
        (package / f"0002_{name}.py").write_text(text)
