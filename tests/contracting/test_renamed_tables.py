"""Old and new code both work on a model, table or ManyToManyField that has been renamed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from django.db import connections, migrations, models
from django.db.migrations.operations.base import Operation

from tests.backends.project import Shop
from tests.backends.sessions import run
from tests.operations.runs import psql

from .test_renamed_columns import project
from .test_tables import table
from .versions import TYPES, Project

pytestmark = pytest.mark.slow

__all__ = ["project"]

Managers = Callable[[str], Any]


class Names(NamedTuple):
    """The names that a version of the code has for its models and fields."""

    order: str = "order"
    customer: str = "customer"
    friends: str = "friends"
    node: str = "node"


class Rename(NamedTuple):
    """A rename of a table.

    :param views: the views that exist meanwhile.
    """

    name: str
    operations: list[Operation]
    new: Names
    views: set[str]

    def __str__(self) -> str:
        return self.name


OLD = Names()
NODE = table(
    "node",
    ("peers", models.ManyToManyField("shop.node")),
    ("up", models.ForeignKey("shop.node", models.CASCADE, null=True)),
)
RENAMES = [
    Rename(
        "model",
        [migrations.RenameModel("order", "Purchase")],
        Names(order="purchase"),
        {"shop_order", "shop_order_friends"},
    ),
    Rename(
        "model that others refer to",
        [migrations.RenameModel("customer", "Client")],
        Names(customer="client"),
        {"shop_customer", "shop_order_friends"},
    ),
    Rename(
        "both",
        [migrations.RenameModel("order", "Purchase"), migrations.RenameModel("customer", "Client")],
        Names(order="purchase", customer="client"),
        {"shop_order", "shop_order_friends", "shop_customer", "shop_purchase_friends"},
    ),
    Rename(
        "model of itself",
        [migrations.RenameModel("node", "Place")],
        Names(node="place"),
        {"shop_node", "shop_node_peers"},
    ),
    Rename("table", [migrations.AlterModelTable("order", "Orders")], OLD, {"shop_order", "shop_order_friends"}),
    Rename(
        "many to many",
        [migrations.RenameField("order", "friends", "pals")],
        Names(friends="pals"),
        {"shop_order_friends"},
    ),
    Rename(
        "table and column",
        [migrations.AlterModelTable("customer", "buyers"), migrations.RenameField("order", "friends", "pals")],
        Names(friends="pals"),
        {"shop_customer", "shop_order_friends"},
    ),
]


def work(project: Project, release: int, names: Names) -> None:
    """Do the work of a release's code."""

    def of(name: str) -> Any:
        return project.model(release, name)

    orders, customers, nodes = of(names.order), of(names.customer), of(names.node)
    [first, second] = customers.bulk_create([customers.model(name="x"), customers.model(name="y")])
    made = orders.create(note="n", code=None, customer=first)
    made.note = "saved"
    made.save(using=orders.db)
    friends = getattr(made, names.friends)
    friends.add(second)
    friends.set([first, second])
    assert [x.name for x in friends.order_by("name")] == ["x", "y"]
    friends.remove(first)
    assert orders.filter(**{f"{names.friends}__name": "y", "note": "saved"}).get() == made
    assert orders.annotate(n=models.Count(names.friends)).get(pk=made.pk).n == 1
    assert customers.annotate(n=models.Count(names.order)).get(pk=first.pk).n == 1
    assert orders.select_related("customer").prefetch_related(names.friends).get(pk=made.pk).customer == first
    up = nodes.create()
    down = nodes.create(up=up)
    up.peers.add(down)
    assert list(up.peers.all()) == [down]
    assert nodes.filter(up=up).update(up=None) == 1
    up.delete(using=orders.db)
    second.delete(using=orders.db)
    assert getattr(made, names.friends).count() == 0
    first.delete(using=orders.db)
    assert not orders.filter(pk=made.pk).exists()


@pytest.fixture(params=RENAMES, ids=str)
def rename(request: pytest.FixtureRequest, settings: Any, project: Project, stock: Shop, observer: Any) -> Rename:
    settings.ZERO_DOWNTIME_MIGRATIONS_EXPAND_CONTRACT = True
    project.add(NODE)
    project.migrate()
    stock.migrate(NODE)
    run(observer, "INSERT INTO shop_node DEFAULT VALUES")
    found: Rename = request.param
    return found


VIEWS = "SELECT relname FROM pg_class WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace"


def test_both_versions_work_and_at_last_the_schema_is_that_of_stock_django(
    rename: Rename, project: Project, stock: Shop, schema: Any
) -> None:
    project.add(*rename.operations)
    said = project.migrate()
    assert "OK" in said and "Warning" not in said
    assert len(project.run(TYPES)) == len(rename.operations)
    assert {name for (name,) in project.run(VIEWS)} == rename.views
    for _ in range(2):
        work(project, 2, OLD)
        work(project, 3, rename.new)
    work(project, 2, OLD)
    paid = project.manage("contract", "--now", "no old code runs")
    assert paid.returncode == 0, paid.stdout
    work(project, 3, rename.new)
    assert project.run(TYPES) == project.run(VIEWS) == []
    stock.migrate(*rename.operations)
    assert schema(project.site_connection) == schema(stock.connection)


def there_and_back(stock: Shop, rename: Rename) -> None:
    """Foreign keys of a table with two renames do not get all of their names back."""
    stock.migrate(*rename.operations)
    stock.unapply()


def test_it_is_taken_back_and_comes_again(rename: Rename, project: Project, stock: Shop, schema: Any) -> None:
    there_and_back(stock, rename)
    beginning = schema(stock.connection)
    project.add(*rename.operations)
    project.migrate()
    work(project, 3, rename.new)
    project.migrate("shop", project.site.names[-2])
    assert schema(project.site_connection) == beginning
    assert project.run(TYPES) == []
    work(project, 2, OLD)
    project.migrate()
    work(project, 2, OLD)
    assert len(project.run(TYPES)) == len(rename.operations)


def test_a_script_leaves_the_same(rename: Rename, project: Project, stock: Shop, observer: Any, schema: Any) -> None:
    there_and_back(stock, rename)
    beginning, name = schema(stock.connection), project.add(*rename.operations)
    script = project.manage("sqlmigrate", "shop", name).stdout
    assert script.count("-- note RENAME_OWED") == len(rename.operations)
    assert "refuse" not in script
    psql(project.site.database["NAME"], script)
    project.migrate("--fake")
    work(project, 2, OLD)
    work(project, 3, rename.new)
    by_script = schema(project.site_connection)
    back = project.manage("sqlmigrate", "shop", name, "--backwards").stdout
    run(observer, f"DELETE FROM django_migrations WHERE name = '{name}'")
    project.migrate()
    assert schema(project.site_connection) == by_script
    psql(project.site.database["NAME"], back)
    assert schema(project.site_connection) == beginning


def test_what_the_old_name_is_in_the_way_of_is_refused(project: Project, observer: Any) -> None:
    project.add(migrations.RenameModel("order", "Purchase"))
    project.migrate()
    project.add(migrations.AddField("purchase", "more", models.IntegerField(null=True)))
    project.migrate()
    assert "more" in project.columns("shop_purchase")
    for operation in (
        migrations.CreateModel("order", [("id", models.BigAutoField(primary_key=True))]),
        migrations.AlterField("purchase", "rank", models.BigIntegerField(default=7)),
        migrations.RenameModel("customer", "Order"),
    ):
        project.add(operation)
        said = project.refused()
        assert "shop.0002_step:0 has given the name" in said and "Nothing has been applied" in said
        (project.site.folder / "shop" / "migrations" / f"{project.site.names.pop()}.py").unlink()
        project.states.pop()
    assert connections[project.alias].introspection.table_names()
    assert project.manage("contract", "--now", "x").returncode == 0
    project.add(migrations.RenameModel("customer", "Order"))
    project.migrate()


def test_a_table_of_many_to_many_that_is_behind_a_view_by_then_stops_the_run(project: Project) -> None:
    project.add(migrations.AddField("customer", "more", models.IntegerField(null=True)))
    project.add(migrations.RenameModel("customer", "Client"))
    project.add(migrations.RenameModel("order", "Purchase"))
    said = project.refused()
    assert 'shop.0003_step:0 has given the name "shop_customer", "shop_order_friends"' in said
    assert "Nothing has been applied" in said and "more" not in project.columns("shop_customer")


def test_what_content_types_put_into_a_migration_has_no_number(project: Project) -> None:
    project.settings["INSTALLED_APPS"] = ["django.contrib.contenttypes", *project.settings["INSTALLED_APPS"]]
    project.migrate("contenttypes")
    renames = [migrations.RenameModel("order", "Purchase"), migrations.RenameField("customer", "name", "title")]
    project.add(*renames, migrations.RemoveField("purchase", "code"))
    project.migrate()
    owed = [x["id"] for x in project.owed()]
    assert owed == [f"shop.0002_step:{number}" for number in range(3)]
    assert project.manage("contract", "--now", "x").returncode == 0
    assert project.run(TYPES) == project.run(VIEWS) == []
