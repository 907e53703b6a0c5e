"""The type of a key changes, which is accepted, with what points to it: nobody gets an orphan in meanwhile.

Foreign keys go, types change, foreign keys come back NOT VALID: one transaction, as with stock Django, whatever the
tables are to each other. Only the validation comes later.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import migrations, models

from tests.backends.fixtures import Twins
from tests.backends.project import Shop
from tests.backends.sessions import run
from tests.concurrency.attempts import before_each_statement, is_refused

pytestmark = pytest.mark.filterwarnings("ignore::django_zero_downtime_migrations.errors.UnsafeOperationWarning")

ID = ("id", models.BigAutoField(primary_key=True))


def to(model: str, kind: Any = models.ForeignKey, **options: Any) -> Any:
    options.setdefault("on_delete", models.CASCADE)
    return kind(f"shop.{model}", related_name="+", **options)


def key(**options: Any) -> Any:
    return models.AutoField(primary_key=True, **options)


def big(model: str = "order", name: str = "id") -> migrations.AlterField:
    return migrations.AlterField(model, name, models.BigAutoField(primary_key=True))


ORDER = migrations.CreateModel("order", [("id", key())])
CODED = migrations.CreateModel("order", [ID, ("code", models.IntegerField(unique=True))])

#: What there is, the operation, and an INSERT of an orphan for each of its foreign keys.
CASES: dict[str, tuple[list[Any], Any, list[str]]] = {
    "one table": (
        [ORDER, migrations.CreateModel("line", [ID, ("order", to("order"))])],
        big(),
        ["INSERT INTO shop_line (order_id) VALUES (4711)"],
    ),
    "several tables": (
        [
            ORDER,
            migrations.CreateModel("line", [ID, ("order", to("order"))]),
            migrations.CreateModel("note", [ID, ("order", to("order", null=True)), ("other", to("order", null=True))]),
        ],
        big(),
        [
            "INSERT INTO shop_line (order_id) VALUES (4711)",
            "INSERT INTO shop_note (order_id) VALUES (4711)",
            "INSERT INTO shop_note (other_id) VALUES (4711)",
        ],
    ),
    "itself": (
        [migrations.CreateModel("order", [("id", key()), ("before", to("order", null=True))])],
        big(),
        ["INSERT INTO shop_order (before_id) VALUES (4711)"],
    ),
    "many to many": (
        [ORDER, migrations.CreateModel("tag", [ID, ("orders", models.ManyToManyField("shop.order"))])],
        big(),
        ["INSERT INTO shop_tag_orders (tag_id, order_id) VALUES (1, 4711)"],
    ),
    "inheritance": (
        [
            ORDER,
            migrations.CreateModel(
                "special",
                [
                    (
                        "order_ptr",
                        to("order", models.OneToOneField, parent_link=True, primary_key=True, serialize=False),
                    )
                ],
                bases=("shop.order",),
            ),
            migrations.CreateModel("line", [ID, ("special", to("special"))]),
        ],
        big(),
        ["INSERT INTO shop_special VALUES (4711)", "INSERT INTO shop_line (special_id) VALUES (4711)"],
    ),
    "to_field": (
        [CODED, migrations.CreateModel("line", [ID, ("order", to("order", to_field="code"))])],
        migrations.AlterField("order", "code", models.BigIntegerField(unique=True)),
        ["INSERT INTO shop_line (order_id) VALUES (4711)"],
    ),
    "unique that becomes the primary key": (
        [
            migrations.CreateModel("order", [("code", models.IntegerField(unique=True)), ("id", key())]),
            migrations.RemoveField("order", "id"),
        ],
        migrations.AlterField("order", "code", models.BigIntegerField(primary_key=True)),
        ["INSERT INTO shop_order (code) VALUES (1)"],
    ),
    "another table of another type": (
        [
            ORDER,
            migrations.CreateModel("invoice", [ID]),
            migrations.CreateModel("line", [ID, ("order", to("order"))]),
        ],
        migrations.AlterField("line", "order", to("invoice")),
        ["INSERT INTO shop_line (order_id) VALUES (4711)"],
    ),
    "one to one of another type": (
        [
            ORDER,
            migrations.CreateModel("invoice", [ID]),
            migrations.CreateModel("line", [ID, ("order", to("order"))]),
        ],
        migrations.AlterField("line", "order", to("invoice", models.OneToOneField)),
        ["INSERT INTO shop_line (order_id) VALUES (4711)"],
    ),
    "another column": (
        [ORDER, migrations.CreateModel("line", [ID, ("order", to("order"))])],
        migrations.AlterField("order", "id", models.BigAutoField(primary_key=True, db_column="number")),
        ["INSERT INTO shop_line (order_id) VALUES (4711)"],
    ),
}
ROWS = {
    "order": "INSERT INTO shop_order SELECT FROM generate_series(1, 10)",
    "code": "INSERT INTO shop_order (code) SELECT n FROM generate_series(1, 10) n",
}


def prepared(shop: Shop, name: str) -> Shop:
    shop.migrate(*CASES[name][0])
    order = shop.model("order")
    shop.run(ROWS["code" if any(field.column == "code" for field in order._meta.fields) else "order"])
    for statement in CASES[name][2]:
        if "shop_order (code)" not in statement and name != "inheritance":
            filled = statement.replace("4711", "1")
            shop.run("INSERT INTO shop_tag DEFAULT VALUES" if "shop_tag" in filled else "SELECT 1")
            shop.run(filled)
    if name == "inheritance":
        shop.run("INSERT INTO shop_special VALUES (1)")
        shop.run("INSERT INTO shop_line (special_id) VALUES (1)")
    if name in ("another table of another type", "one to one of another type"):
        shop.run("INSERT INTO shop_invoice SELECT FROM generate_series(1, 10)")
    return shop


@pytest.fixture
def writer(observer: Any) -> Any:
    """Somebody in autocommit mode; between two statements nothing of the migration is to make them wait."""
    run(observer, "SET lock_timeout = '5s'")
    return observer


@contextmanager
def orphans_are_refused(shop: Shop, writer: Any, statements: list[str]) -> Iterator[list[str]]:
    def attempt() -> None:
        for statement in statements:
            assert is_refused(writer, statement), f"accepted: {statement}"

    with before_each_statement(shop.connection, attempt) as sent:
        yield sent


@pytest.mark.parametrize("name", CASES)
def test_orphan_is_never_accepted_forwards_or_backwards(shop: Shop, writer: Any, name: str) -> None:
    prepared(shop, name)
    _, operation, orphans = CASES[name]
    with orphans_are_refused(shop, writer, orphans):
        shop.migrate(operation)
    assert run(writer, "SELECT FROM pg_constraint WHERE NOT convalidated") == []
    if name != "unique that becomes the primary key":
        with orphans_are_refused(shop, writer, orphans):
            shop.unapply()
        assert run(writer, "SELECT FROM pg_constraint WHERE NOT convalidated") == []


@pytest.mark.parametrize("name", CASES)
def test_result_is_that_of_stock_django(twins: Twins, name: str) -> None:
    for shop in (twins.ours, twins.stock):
        prepared(shop, name)
    twins.compare()
    twins.migrate(CASES[name][1])
