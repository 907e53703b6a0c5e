"""Old and new code both work on a renamed column, by either name, and at last the schema is stock Django's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from django.db import connections, migrations, models, transaction
from django.db.migrations.operations.base import Operation

from tests.backends.project import Shop
from tests.backends.sessions import run
from tests.operations.runs import psql

from .conftest import PREFIX
from .versions import TYPES, Project

pytestmark = pytest.mark.slow

Managers = Callable[[str], Any]


class Rename(NamedTuple):
    """A rename of a column.

    :param work: the work of code that knows the field by this name.
    """

    name: str
    fields: tuple[tuple[str, str], ...]
    work: Callable[[Managers, str], None]

    @property
    def operations(self) -> list[Operation]:
        return [migrations.RenameField("order", old, new) for old, new in self.fields]

    def old(self, project: Project) -> None:
        for old, _ in self.fields:
            self.work(lambda name: project.model(1, name), old)

    def new(self, project: Project) -> None:
        for _, new in self.fields:
            self.work(lambda name: project.model(2, name), new)

    def __str__(self) -> str:
        return self.name


def fields(of: Managers, **more: Any) -> dict[str, Any]:
    """Return values of an order as the model has its fields."""
    values = {"note": "n", "rank": 3, "code": None, "customer": of("customer").create(name="c")}
    names = {x.name: x for x in of("order").model._meta.concrete_fields}
    known = {old: new if new in names else old for old, new in EVERY}
    return {known[name]: value for name, value in values.items()} | more


EVERY = (("note", "remark"), ("rank", "points"), ("code", "kode"), ("customer", "client"))


def texts(of: Managers, name: str) -> None:
    orders = of("order")
    made = orders.create(**fields(of, **{name: "made"}))
    setattr(made, name, "saved")
    made.save(using=orders.db)
    assert orders.get(**{name: "saved"}).pk == made.pk
    made.refresh_from_db(using=orders.db)
    assert list(orders.filter(pk=made.pk).values_list(name, flat=True)) == ["saved"]
    with transaction.atomic(using=orders.db):
        assert orders.select_for_update(skip_locked=True).get(pk=made.pk).pk == made.pk
    many = orders.bulk_create([orders.model(**fields(of, **{name: "many"})) for _ in range(3)])
    assert all(x.pk for x in many)
    for each in many:
        setattr(each, name, "more")
    assert orders.bulk_update(many, [name]) == 3
    longer = models.functions.Concat(models.F(name), models.Value("!"))
    assert orders.filter(**{name: "more"}).update(**{name: longer}) == 3
    assert orders.raw("SELECT * FROM shop_order WHERE id = %s", [made.pk])[0].pk == made.pk
    counted = orders.filter(**{f"{name}__contains": "!"}).annotate(times=models.Count("friends"))
    assert {x.times for x in counted} == {0}
    orders.filter(**{f"{name}__in": ["more!", "saved"]}).delete()


def numbers(of: Managers, name: str) -> None:
    orders = of("order")
    values = fields(of)
    del values[name]
    made = orders.create(**values)
    assert getattr(orders.get(pk=made.pk), name) == 7
    assert orders.filter(pk=made.pk).update(**{name: models.F(name) + 1}) == 1
    assert orders.filter(**{f"{name}__gte": 8}).order_by(name).last().pk == made.pk
    with pytest.raises(Exception, match="violates check constraint"), transaction.atomic(using=orders.db):
        orders.filter(pk=made.pk).update(**{name: -1})
    made.delete(using=orders.db)


def keys(of: Managers, name: str) -> None:
    orders = of("order")
    first = (orders.aggregate(x=models.Max(name))["x"] or 0) + 1
    made, is_new = orders.get_or_create(**{name: first}, defaults=fields(of, **{name: first}))
    assert is_new and orders.get_or_create(**{name: first}) == (made, False)
    assert orders.update_or_create(**{name: first}, defaults=fields(of, **{name: first}))[0] == made
    same = [orders.model(**fields(of, **{name: first})), orders.model(**fields(of, **{name: first + 1}))]
    orders.bulk_create(same, ignore_conflicts=True)
    assert orders.filter(**{f"{name}__gte": first}).count() == 2
    other = [x for x in fields(of) if x in ("note", "remark")]
    again = orders.model(**fields(of, **{name: first, other[0]: "upserted"}))
    orders.bulk_create([again], update_conflicts=True, update_fields=other, unique_fields=[name])
    assert getattr(orders.get(**{name: first}), other[0]) == "upserted"


def customers(of: Managers, name: str) -> None:
    orders, customers = of("order"), of("customer")
    made = orders.create(**fields(of))
    assert getattr(made, name).name == "c"
    assert orders.select_related(name).get(**{f"{name}__name": "c", "pk": made.pk}).pk == made.pk
    assert customers.filter(order=made).get() == getattr(made, name)
    assert customers.annotate(n=models.Count("order")).get(pk=getattr(made, f"{name}_id")).n == 1
    made.friends.add(customers.create(name="friend"))
    # The key cascades both ways.
    getattr(made, name).delete(using=orders.db)
    assert not orders.filter(pk=made.pk).exists()


RENAMES = [
    Rename("plain", (("note", "remark"),), texts),
    Rename("indexed, with a check", (("rank", "points"),), numbers),
    Rename("unique", (("code", "kode"),), keys),
    Rename("foreign key", (("customer", "client"),), customers),
    Rename("two", (EVERY[0], EVERY[2]), lambda of, name: (texts if name in EVERY[0] else keys)(of, name)),
]


@pytest.fixture(params=RENAMES, ids=str)
def rename(request: pytest.FixtureRequest, settings: Any) -> Rename:
    """Set the setting in the processes of both versions."""
    settings.ZERO_DOWNTIME_MIGRATIONS_EXPAND_CONTRACT = True
    found: Rename = request.param
    return found


@pytest.fixture
def project(project: Project) -> Project:
    # The connection has read the settings before.
    connections[project.alias].close()
    vars(connections[project.alias]).pop("_zero_downtime_migrations_expands", None)
    return project


def test_both_versions_work_and_at_last_the_schema_is_that_of_stock_django(
    rename: Rename, project: Project, stock: Shop, schema: Any
) -> None:
    project.add(*rename.operations)
    said = project.migrate()
    assert "OK" in said and "Warning" not in said
    assert len(project.run(TYPES)) == len(rename.operations)
    for _ in range(2):
        rename.old(project)
        rename.new(project)
    rename.old(project)

    paid = project.manage("contract", "--now", "no old code runs")
    assert paid.returncode == 0, paid.stdout
    rename.new(project)
    assert project.run(TYPES) == []
    stock.migrate(*rename.operations)
    assert schema(project.site_connection) == schema(stock.connection)


def test_it_is_taken_back_and_comes_again(rename: Rename, project: Project, stock: Shop, schema: Any) -> None:
    # Django 4.2 gives a check another name than before.
    stock.migrate(*rename.operations)
    stock.unapply()
    beginning, orders = schema(stock.connection), project.run("TABLE shop_order")
    project.add(*rename.operations)
    project.migrate()
    rename.new(project)
    project.migrate("shop", project.site.names[-2])
    assert schema(project.site_connection) == beginning
    assert project.run(TYPES) == []
    assert set(orders) <= set(project.run("TABLE shop_order"))
    rename.old(project)
    project.migrate()
    rename.new(project)
    assert len(project.run(TYPES)) == len(rename.operations)


def test_a_script_leaves_the_same(rename: Rename, project: Project, observer: Any, schema: Any) -> None:
    name = project.add(*rename.operations)
    script = project.manage("sqlmigrate", "shop", name).stdout
    assert script.count("-- note RENAME_OWED") == len(rename.operations)
    assert "refuse" not in script
    psql(project.site.database["NAME"], script)
    project.migrate("--fake")
    rename.old(project)
    rename.new(project)
    by_script = schema(project.site_connection)
    assert {x["id"] for x in project.owed()} == {f"shop.{name}:{n}" for n in range(len(rename.operations))}

    run(observer, f"DELETE FROM django_migrations WHERE name = '{name}'")
    assert "its migration is not through" in project.manage("contract", "--now", "x").stdout
    project.migrate()
    assert schema(project.site_connection) == by_script


@pytest.mark.parametrize("how", ["setting", "assured", "off", "nobody"])
def test_where_no_old_code_is_it_is_renamed_at_once(
    project: Project, stock: Shop, schema: Any, observer: Any, how: str
) -> None:
    from django_zero_downtime_migrations.operations import SafetyAssured

    plain = migrations.RenameField("order", "note", "remark")
    renamed: Any = plain
    if how == "setting":
        project.settings[f"{PREFIX}_OLD_CODE"] = "absent"
    elif how == "assured":
        renamed = SafetyAssured([plain], reason="no old code runs")
    elif how == "off":
        project.settings[f"{PREFIX}_EXPAND_CONTRACT"] = False
    else:
        project.run("TRUNCATE shop_order, shop_order_friends")
    project.add(renamed)
    project.migrate()
    stock.migrate(plain)
    assert schema(project.site_connection) == schema(stock.connection)
