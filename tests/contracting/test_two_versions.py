"""Old and new code both work after a removal, which can be taken back; what is dropped at last is stock Django's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import django
import pytest
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from tests.backends.project import Shop
from tests.backends.sessions import run
from tests.operations.runs import psql

from .conftest import PREFIX
from .versions import TYPES, Project

Managers = Callable[[str], Any]


class Removal(NamedTuple):
    """A removal.

    :param old: the work of the release before.
    :param new: the work of the new release.
    """

    name: str
    operations: list[Operation]
    old: Callable[[Managers], None]
    new: Callable[[Managers], object]
    before: tuple[Operation, ...] = ()

    def __str__(self) -> str:
        return self.name


def old_order(of: Managers, **more: Any) -> Any:
    return of("order").create(**{"note": "old", "customer_id": of("customer").create(name="c").pk, **more})


def new_order(of: Managers, **more: Any) -> Any:
    return of("order").create(**{"customer_id": of("customer").create(name="c").pk, **more})


def old_note(of: Managers) -> None:
    made = old_order(of)
    made.note = "changed"
    made.save(using=of("order").db)
    assert of("order").get(note="changed").pk == made.pk
    assert "old" not in of("order").values_list("note", flat=True)
    of("order").bulk_create([of("order").model(note="many", customer_id=made.customer_id) for _ in range(3)])
    assert of("order").filter(note="many").update(note=models.F("note")) == 3
    of("order").filter(note__in=["many", "changed"]).delete()


def new_note(of: Managers) -> None:
    made = new_order(of)
    made.rank = 9
    made.save(using=of("order").db)
    assert of("order").filter(pk=made.pk, rank=9).count() == 1
    made.delete(using=of("order").db)


def old_customer(of: Managers) -> None:
    assert old_order(of).customer.name == "c"
    # The old code meets orders of the new code, and customers that this has deleted.
    assert of("order").select_related("customer").filter(customer__name="c").exists()
    assert list(of("order").values("note"))


def new_customer(of: Managers) -> None:
    of("order").create(note="new", rank=3)
    of("customer").filter(name__in=["a", "b"]).order_by("pk").first().delete(using=of("customer").db)


def old_code(of: Managers) -> None:
    made = old_order(of, code=of("order").count() + 10)
    assert of("order").get_or_create(code=made.code) == (made, False)


def new_code(of: Managers) -> None:
    for _ in range(3):
        new_order(of, note="new")


def old_friends(of: Managers) -> None:
    made = old_order(of)
    made.friends.add(of("customer").create(name="friend"))
    assert [x.name for x in made.friends.all()] == ["friend"]
    made.delete(using=of("order").db)


def new_friends(of: Managers) -> None:
    of("customer").create(name="d").delete(using=of("customer").db)
    of("order").filter(note="first").delete()
    of("customer").filter(name="b").update(name="bb")


def old_model(of: Managers) -> None:
    made = old_order(of)
    made.friends.add(made.customer)
    assert of("order").filter(friends__name="c").count() == 1
    of("order").filter(pk=made.pk).delete()


def new_model(of: Managers) -> None:
    of("customer").filter(name__in=["a", "b"]).order_by("pk").first().delete(using=of("customer").db)


def old_pass(of: Managers) -> None:
    made = old_order(of)
    assert of("order").get(pk=made.pk).passed_id is None
    of("order").filter(pk=made.pk).update(passed_id=made.customer_id)


def new_pass(of: Managers) -> None:
    for _ in range(2):
        new_order(of, note="new")
    of("customer").filter(order=None).delete()


def old_stars(of: Managers) -> None:
    assert of("order").get(pk=old_order(of).pk).stars == 5


def new_stars(of: Managers) -> None:
    new_order(of, note="new")


def remove(name: str) -> list[Operation]:
    return [migrations.RemoveField("order", name)]


REMOVALS = [
    Removal("not null", remove("note"), old_note, new_note),
    Removal("default, check and index", remove("rank"), old_note, new_code),
    Removal("unique", remove("code"), old_code, new_code),
    Removal("foreign key", remove("customer"), old_customer, new_customer),
    Removal("many to many", remove("friends"), old_friends, new_friends),
    Removal("model", [migrations.DeleteModel("order")], old_model, new_model),
    Removal("two fields", [*remove("note"), *remove("rank")], old_note, new_order),
    Removal(
        "one to one",
        remove("passed"),
        old_pass,
        new_pass,
        (
            migrations.AddField(
                "order", "passed", models.OneToOneField("shop.customer", models.CASCADE, null=True, related_name="+")
            ),
        ),
    ),
]
if django.VERSION >= (5, 0):
    STARS = migrations.AddField("order", "stars", models.IntegerField(db_default=5))
    REMOVALS.append(Removal("default of the database", remove("stars"), old_stars, new_stars, (STARS,)))


@pytest.fixture(params=REMOVALS, ids=str)
def removal(request: pytest.FixtureRequest, project: Project, stock: Shop) -> Removal:
    """Make the tables in both databases."""
    found: Removal = request.param
    if found.before:
        project.add(*found.before)
        project.migrate()
        stock.migrate(*found.before)
    return found


def test_both_versions_work_and_at_last_the_schema_is_that_of_stock_django(
    removal: Removal, project: Project, stock: Shop, schema: Any
) -> None:
    project.add(*removal.operations)
    said = project.migrate()
    assert "OK" in said and "Warning" not in said
    assert len(project.run(TYPES)) == len(removal.operations)

    for _ in range(2):
        removal.old(project.old)
        removal.new(project.new)
    removal.old(project.old)

    paid = project.manage("contract", "--now", "no old code runs")
    assert paid.returncode == 0, paid.stdout
    assert project.run(TYPES) == []
    stock.migrate(*removal.operations)
    assert schema(project.site_connection) == schema(stock.connection)


def test_what_was_removed_is_brought_back_as_it_was(removal: Removal, project: Project, schema: Any) -> None:
    beginning, orders = schema(project.site_connection), project.run("TABLE shop_order")
    project.add(*removal.operations)
    project.migrate()
    removal.old(project.old)

    project.migrate("shop", project.site.names[-2])

    assert schema(project.site_connection) == beginning
    assert project.run(TYPES) == []
    assert set(orders) <= set(project.run("TABLE shop_order"))
    removal.old(project.old)
    # The column may be removed again.
    project.migrate()
    assert len(project.run(TYPES)) == len(removal.operations)


def test_a_script_leaves_the_same(removal: Removal, project: Project, observer: Any, schema: Any) -> None:
    name = project.add(*removal.operations)
    script = project.manage("sqlmigrate", "shop", name).stdout
    assert "-- note REMOVAL_OWED" in script
    psql(project.site.database["NAME"], script)
    project.migrate("--fake")
    removal.old(project.old)
    removal.new(project.new)
    by_script = schema(project.site_connection)
    assert {x["id"] for x in project.owed()} == {f"shop.{name}:{n}" for n in range(len(removal.operations))}

    run(observer, f"DELETE FROM django_migrations WHERE name = '{name}'")
    project.manage("contract")
    project.migrate()
    assert schema(project.site_connection) == by_script


def test_rows_of_the_new_code_get_what_stock_django_would_give_them(project: Project) -> None:
    project.add(migrations.RemoveField("order", "rank"))
    project.migrate()
    made = new_order(project.new, note="new")
    project.migrate("shop", "0001")
    assert project.model(1, "order").get(pk=made.pk).rank == 7
    assert project.model(1, "order").get(note="first").rank == 1


def test_rows_that_cannot_be_brought_back_are_told_of_before_anything_is_sent(project: Project) -> None:
    project.add(migrations.RemoveField("order", "note"), migrations.RemoveField("order", "customer"))
    project.migrate()
    project.new("order").create(rank=1, code=5)
    project.new("customer").get(name="a").delete(using=project.alias)

    said = project.refused("migrate", "shop", "0001")
    assert 'The new code has inserted rows into "shop_order" without "customer_id"' in said
    assert 'rows into "shop_order" without "note"' in said
    assert len(project.run(TYPES)) == 2

    project.run("UPDATE shop_order SET note = 'x', customer_id = 2 WHERE note IS NULL")
    said = project.refused("migrate", "shop", "0001")
    assert 'The new code has deleted rows of "shop_customer" to which "customer_id" of "shop_order" points' in said
    delete = said[said.index("DELETE FROM") : said.index("), and migrate again")]
    project.run("DELETE FROM shop_order_friends")
    project.run(delete)
    project.migrate("shop", "0001")


def test_several_migrations_in_one_run_leave_each_their_own(project: Project, stock: Shop, schema: Any) -> None:
    changes = [
        [migrations.RemoveField("order", "note")],
        [migrations.AddField("order", "more", models.IntegerField(null=True))],
        [migrations.AlterField("order", "rank", models.BigIntegerField(default=8))],
        [migrations.RemoveField("order", "customer"), migrations.AlterUniqueTogether("order", {("rank", "more")})],
        [migrations.DeleteModel("order")],
    ]
    for operations in changes:
        project.add(*operations)
        stock.migrate(*operations)
    project.migrate()
    assert [x["id"] for x in project.owed()] == ["shop.0002_step:0", "shop.0005_step:0", "shop.0006_step:0"]
    assert "shop_order" in str(project.run("SELECT 'shop_order'::regclass::text"))
    project.settings[f"{PREFIX}_OLD_CODE"] = "absent"
    assert "shop.0006_step:0 is paid" in project.migrate()
    assert project.run(TYPES) == []
    assert schema(project.site_connection) == schema(stock.connection)
