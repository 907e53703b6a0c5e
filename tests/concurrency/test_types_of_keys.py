"""The type of a key changes, which is accepted, with what points to it: writers cannot add orphans meanwhile.

Foreign keys are dropped, types change, foreign keys come back NOT VALID: this is one transaction, as with stock Django,
whatever the tables are to each other. Only the validation comes later.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import django
import pytest
from django.db import migrations, models
from django.test import override_settings

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
    """Open a session in autocommit mode; between two statements the migration must not make it wait."""
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
    with orphans_are_refused(shop, writer, orphans):
        shop.unapply()
    assert run(writer, "SELECT FROM pg_constraint WHERE NOT convalidated") == []


@pytest.mark.parametrize("name", CASES)
def test_result_is_that_of_stock_django(twins: Twins, name: str) -> None:
    for shop in (twins.ours, twins.stock):
        prepared(shop, name)
    twins.compare()
    twins.migrate(CASES[name][1])


def test_primary_key_that_becomes_unique_never_has_a_duplicate(shop: Shop, writer: Any) -> None:
    shop.migrate(
        migrations.CreateModel("order", [("code", models.IntegerField(primary_key=True))]),
    )
    shop.run("INSERT INTO shop_order VALUES (1)")
    with orphans_are_refused(shop, writer, ["INSERT INTO shop_order VALUES (1)"]):
        shop.migrate(migrations.AlterField("order", "code", models.IntegerField(unique=True)))


# What else is dropped and made again: a check of the field itself, and what gives a row its value


class Between(models.IntegerField):
    """An integer with a CHECK of its own."""

    def __init__(self, *, most: int, big: bool = False, **options: Any) -> None:
        self.most, self.big = most, big
        super().__init__(**options)

    def deconstruct(self) -> Any:
        name, path, args, options = super().deconstruct()
        return name, path, args, options | {"most": self.most, "big": self.big}

    def db_type(self, connection: Any) -> str:
        return "bigint" if self.big else "integer"

    def db_check(self, connection: Any) -> str:
        return f'"{self.column}" BETWEEN 0 AND {self.most}'


@pytest.mark.parametrize("big", [False, True], ids=["same type", "another type"])
def test_what_neither_check_allows_is_never_accepted(shop: Shop, writer: Any, big: bool) -> None:
    shop.migrate(migrations.CreateModel("book", [ID, ("rank", Between(most=10))]))
    shop.run("INSERT INTO shop_book (rank) SELECT generate_series(1, 10)")
    with orphans_are_refused(shop, writer, ["INSERT INTO shop_book (rank) VALUES (4711)"]):
        shop.migrate(migrations.AlterField("book", "rank", Between(most=20, big=big)))
    with orphans_are_refused(shop, writer, ["INSERT INTO shop_book (rank) VALUES (4711)"]):
        shop.unapply()


if django.VERSION >= (5, 0):

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (key(), models.BigIntegerField(primary_key=True, db_default=7)),
            (models.IntegerField(primary_key=True, db_default=7), models.BigAutoField(primary_key=True)),
        ],
        ids=["identity to default", "default to identity"],
    )
    def test_row_without_a_value_always_gets_one(shop: Shop, writer: Any, old: Any, new: Any) -> None:
        shop.migrate(migrations.CreateModel("order", [("id", old), ("x", models.IntegerField())]))

        def attempt() -> None:
            run(writer, "INSERT INTO shop_order (x) VALUES (1)")
            run(writer, "DELETE FROM shop_order")

        with before_each_statement(shop.connection, attempt):
            shop.migrate(migrations.AlterField("order", "id", new))


@override_settings(ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT="300ms", ZERO_DOWNTIME_MIGRATIONS_LOCK_RETRY_TIMEOUT="60s")
def test_threads_that_insert_all_the_time_have_no_orphan_accepted(
    shop: Shop, open_session: Callable[..., Any], writer: Any
) -> None:
    prepared(shop, "several tables")
    shop.run("INSERT INTO shop_line (order_id) SELECT 1 FROM generate_series(1, 20000)")
    ended = threading.Event()
    errors: list[str] = []
    accepted: list[str] = []

    def insert(session: Any, statement: str) -> None:
        while not ended.is_set():
            try:
                run(session, statement)
            except Exception as error:
                errors.append(str(getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)))
            else:
                accepted.append(statement)

    inserts = [(open_session(autocommit=True), statement) for statement in CASES["several tables"][2]]
    threads = [threading.Thread(target=insert, args=each) for each in inserts]
    for thread in threads:
        thread.start()
    try:
        shop.migrate(big())
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert accepted == []
    # Each is refused for its foreign key; a deadlock with the migration, as with stock Django, would be another error.
    assert set(errors) - {"40P01"} == {"23503"}
    assert run(writer, "SELECT FROM pg_constraint WHERE NOT convalidated") == []


@pytest.mark.parametrize("name", CASES)
def test_script_has_the_same_transactions(shop: Shop, writer: Any, open_session: Callable[..., Any], name: str) -> None:
    """The output of `sqlmigrate` lets no orphan in either."""
    prepared(shop, name)
    _, operation, orphans = CASES[name]
    session = open_session(autocommit=True)
    inside = False
    for line in shop.script(operation).splitlines():
        if not inside:
            assert all(is_refused(writer, statement) for statement in orphans), f"before {line}"
        run(session, line) if not line.startswith("--") else None
        inside = (inside and not line.startswith("COMMIT")) or line.startswith("BEGIN")
    assert run(writer, "SELECT FROM pg_constraint WHERE NOT convalidated") == []


@pytest.mark.parametrize("seed", range(6))
def test_siblings_in_any_order(twins: Twins, writer: Any, seed: int) -> None:
    """Tables are made in any order, so that Django goes through them in any order."""
    chosen = random.Random(seed)
    kinds = {
        "plain": lambda: to("order"),
        "null": lambda: to("order", null=True),
        "one": lambda: to("order", models.OneToOneField),
        "without_index": lambda: to("order", db_index=False),
        "many": lambda: models.ManyToManyField("shop.order", related_name="+"),
    }
    tables = [(f"t{number}", chosen.sample(sorted(kinds), 3)) for number in range(3)]
    models_ = [migrations.CreateModel(t, [ID, *((k, kinds[k]()) for k in of)]) for t, of in chosen.sample(tables, 3)]
    for shop in (twins.ours, twins.stock):
        shop.migrate(ORDER, *models_)
    columns = [(t, k) for t, of in tables for k in of if k != "many"]
    orphans = [f"INSERT INTO shop_{t} ({k}_id) VALUES (4711)" for t, k in columns]
    orphans += [f"INSERT INTO shop_{t}_many ({t}_id, order_id) VALUES (1, 4711)" for t, of in tables if "many" in of]
    with orphans_are_refused(twins.ours, writer, orphans):
        twins.migrate(big())
