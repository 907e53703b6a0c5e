"""Every migration in the README and the docs runs, and is refused where they say that it is."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.state import ProjectState

from django_zero_downtime_migrations.compat import has_db_default
from django_zero_downtime_migrations.findings import Severity
from django_zero_downtime_migrations.presets import PRESETS
from django_zero_downtime_migrations.setting_problems import problems
from tests.backends.project import Shop
from tests.docs.pages import FIVE_MINUTES, SITE, Block, blocks, everywhere

Make = Callable[..., BaseDatabaseWrapper]
ALL = [block for block in everywhere("python") if has_db_default or "db_default" not in block.text]
MIGRATIONS = [block for block in ALL if "\noperations = [" in f"\n{block.text}"]
OTHERS = [block for block in ALL if block not in MIGRATIONS]
SHOWN = [block for block in MIGRATIONS if block.finding]
WAYS = sorted({(block.place, block.way) for block in MIGRATIONS if not block.finding})


@pytest.mark.parametrize("block", SHOWN, ids=lambda block: block.finding)
def test_what_is_shown_as_unsafe_is_found(block: Block, make_connection: Make) -> None:
    shop = in_use(make_connection(ZERO_DOWNTIME_MIGRATIONS={"RAISE_FOR_UNSAFE": False}))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        editor = shop.migrate(*operations(block))

    assert block.finding in [finding.code for finding in editor.findings]


@pytest.mark.parametrize(("place", "way"), WAYS)
def test_what_is_shown_instead_runs_without_findings(
    place: str, way: int, make_connection: Make, settings: Any
) -> None:
    # What names a migration of the shop looks for its file.
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "example.shop"]
    shop = in_use(make_connection(ZERO_DOWNTIME_MIGRATIONS=recommended()))

    for block in MIGRATIONS:
        if (block.place, block.way) == (place, way) and not block.finding:
            editor = shop.migrate(*operations(block))
            assert [x for x in editor.findings if not x.assured and x.severity is not Severity.NOTE] == []


def test_old_and_new_code_work_while_a_field_is_removed(make_connection: Make) -> None:
    shop = in_use(make_connection(ZERO_DOWNTIME_MIGRATIONS=recommended()))
    first, forget, drop = [block for block in MIGRATIONS if block.page == SITE / "how-to" / "remove.md"]
    old = code(shop, "Order")

    def insert(order: Any, **customer: int) -> None:
        order.objects.using(shop.alias).create(number="2", total=1, **customer)

    shop.migrate(*operations(first))
    insert(old, customer_id=1)
    shop.migrate(*operations(forget))
    insert(old, customer_id=1)
    insert(code(shop, "Order"))
    code(shop, "Customer").objects.using(shop.alias).all().delete()
    assert old.objects.using(shop.alias).count() == 4
    shop.migrate(*operations(drop))
    insert(code(shop, "Order"))
    assert shop.run("SELECT count(*) FROM shop_order") == [(5,)]


def code(shop: Shop, name: str) -> Any:
    """A model as the code of this moment has it."""
    models_of_now = {key: state.clone() for key, state in shop.states[-1].models.items()}
    return ProjectState(models_of_now).apps.get_model("shop", name)


def test_the_recommended_settings_have_no_problem(make_connection: Make) -> None:
    connection = make_connection(ZERO_DOWNTIME_MIGRATIONS=recommended())

    assert problems(connection.alias) == []


def test_the_preset_means_what_the_start_says() -> None:
    assert PRESETS["recommended"] == recommended()


def test_the_script_in_the_start_is_what_sqlmigrate_prints(make_connection: Make) -> None:
    shop = in_use(make_connection(ZERO_DOWNTIME_MIGRATIONS=recommended()))
    code = models.CharField(max_length=20, null=True, unique=True)
    (script,) = blocks(FIVE_MINUTES, "sql")

    assert script.text in "\n".join(shop.collected(migrations.AddField("Order", "code", code))) + "\n"


@pytest.mark.parametrize("block", OTHERS, ids=[f"{number} {block.place}" for number, block in enumerate(OTHERS)])
def test_other_python_runs(block: Block) -> None:
    exec(compile(block.text, block.place, "exec"), {})


def recommended() -> dict[str, Any]:
    """Return the settings that the preset stands for, by the five-minute start."""
    names: dict[str, Any] = {}
    exec(next(block.text for block in ALL if block.page == FIVE_MINUTES and "recommended = {" in block.text), names)
    settings: dict[str, Any] = names["recommended"]
    return settings


def operations(block: Block) -> Iterator[Any]:
    names: dict[str, Any] = {"migrations": migrations, "models": models}
    exec(compile(block.text, block.place, "exec"), names)
    yield from names["operations"]


def in_use(connection: BaseDatabaseWrapper) -> Shop:
    """The models of the examples, with a row."""
    shop = Shop(connection)
    identity = ("id", models.BigAutoField(primary_key=True))
    customer = [("name", models.CharField(max_length=100)), ("email", models.CharField(max_length=100))]
    order = [
        ("number", models.CharField(max_length=20)),
        ("quantity", models.IntegerField(null=True)),
        ("total", models.IntegerField()),
        ("note", models.CharField(max_length=20, null=True)),
        ("customer", models.ForeignKey("shop.Customer", models.PROTECT)),
    ]
    shop.migrate(
        migrations.CreateModel("Customer", [identity, *customer]), migrations.CreateModel("Order", [identity, *order])
    )
    shop.run("INSERT INTO shop_customer (name, email) VALUES ('Ada', 'a@example.com')")
    shop.run("INSERT INTO shop_order (number, total, customer_id) VALUES ('1', 100, 1)")
    return shop
