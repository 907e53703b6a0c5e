"""Expand and Contract: the two halves of a change, in migrations of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from django.db import connections, migrations, models
from django.db.migrations.operations.base import Operation

from django_zero_downtime_migrations.operations import Contract, Expand, SafetyAssured
from tests.backends.project import Shop
from tests.backends.sessions import run, wait_until

from .conftest import PREFIX
from .test_contract import leave
from .versions import TYPES, Project

pytestmark = pytest.mark.slow

NOW = ("--now", "no old code runs")
NOTE = migrations.RemoveField("order", "note")


class Change(NamedTuple):
    """A change with two halves.

    :param old: the writes of code from before the change.
    :param new: the writes of code from after the change.
    :param repaired: SQL that gives values to rows of new code.
    :param emptied: SQL after which stock Django can take the change back.
    """

    name: str
    operations: tuple[Operation, ...]
    old: Callable[[Any], object]
    new: Callable[[Any], object]
    settings: dict[str, Any] = {}
    repaired: str = "SELECT"
    emptied: str = "SELECT"

    def __str__(self) -> str:
        return self.name

    def works(self, project: Project) -> None:
        """Run the code of both versions."""
        self.old(lambda name: project.model(1, name))
        self.new(lambda name: project.model(2, name))


def old_order(of: Any, **more: Any) -> Any:
    made = of("order").create(**{"note": "old", "rank": 3, "customer_id": 1} | more)
    made.save(using=made._state.db)
    return of("order").get(pk=made.pk)


def old_with_friends(of: Any) -> None:
    made = old_order(of)
    made.friends.add(of("customer").get(pk=2))
    # Other releases' models do not know of rows in the table of this field.
    made.friends.clear()


def new_without_fields(of: Any) -> None:
    made = of("order").create(rank=4, code=of("order").count() + 10, more="new")
    customer = of("customer").create(name="of new code")
    with connections[made._state.db].cursor() as cursor:
        cursor.execute("SELECT true FROM information_schema.columns WHERE column_name = 'customer_id' LIMIT 1")
        if cursor.fetchone():
            cursor.execute("UPDATE shop_order SET customer_id = %s WHERE id = %s", [customer.pk, made.pk])
    customer.delete()
    made.delete()


def only_customers(of: Any) -> None:
    of("customer").create(name="new").delete()


def renamed(of: Any) -> None:
    of("order").create(remark="new", rank=3, customer=of("client").create(name="new"))
    assert of("order").filter(remark="new").values("pk").annotate(n=models.Count("customer__name")).count()
    of("client").filter(name="new").delete()


CHANGES = [
    Change(
        "fields",
        (
            NOTE,
            migrations.RemoveField("order", "customer"),
            migrations.RemoveField("order", "friends"),
            migrations.AddField("order", "more", models.CharField(max_length=9, default="x"), preserve_default=False),
            migrations.AlterField("order", "code", models.IntegerField(default=5), preserve_default=False),
        ),
        lambda of: [old_with_friends(of), of("order").filter(code=5).delete()],
        new_without_fields,
        repaired="UPDATE shop_order SET note = 'x', customer_id = 1 WHERE note IS NULL",
        emptied="DELETE FROM shop_order",
    ),
    Change("model", (migrations.DeleteModel("order"),), old_with_friends, only_customers),
    Change(
        "names",
        (migrations.RenameModel("customer", "client"), migrations.RenameField("order", "note", "remark")),
        old_order,
        renamed,
        {f"{PREFIX}_EXPAND_CONTRACT": True},
    ),
]


@pytest.fixture
def by_hand(project: Project) -> Project:
    """EXPAND_CONTRACT is off, and nothing has to be quiet."""
    project.settings |= {f"{PREFIX}_EXPAND_CONTRACT": False, f"{PREFIX}_CONTRACT_QUIET_TIME": 0}
    return project


def make_contract(project: Project, *arguments: str) -> str:
    done = project.manage("make_contract", *arguments)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_both_versions_work_until_the_contract(
    by_hand: Project, change: Change, stock: Shop, schema: Any, observer: Any
) -> None:
    project = by_hand
    project.settings |= change.settings
    beginning = schema(project.site_connection)
    project.add(Expand(list(change.operations)))
    judged = project.manage("check_migrations", "--fail-on", "warn")
    assert judged.returncode == 0 and "_OWED" in judged.stdout, judged.stdout
    assert "Warning" not in project.migrate()
    assert len(project.run(TYPES)) == len(change.operations)
    change.works(project)

    # Without a written Contract nothing is due, whatever is seen of old code.
    leave(observer, project)
    assert "its Contract is not written: manage.py make_contract shop writes it" in project.manage("contract").stdout
    change.works(project)
    make_contract(project)
    for way in ((), ("--all",)):
        judged = project.manage("check_migrations", *way)
        assert "0003_" not in judged.stdout, judged.stdout
    said = project.migrate()
    assert "OK" in said, said
    # The session of the test has looked at the tables since.
    paid = project.manage("contract", *NOW)
    assert (paid.returncode, project.run(TYPES)) == (0, []), paid.stdout
    stock.migrate(*change.operations)
    assert schema(project.site_connection) == schema(stock.connection)
    change.new(lambda name: project.model(2, name))

    project.migrate("shop", "0002")
    assert len(project.run(TYPES)) == len(change.operations)
    change.works(project)
    project.run(change.repaired)
    project.migrate("shop", "0001")
    stock.run(change.emptied)
    stock.unapply()
    assert schema(project.site_connection) == schema(stock.connection)
    assert project.run(TYPES) == []
    assert change.name != "names" or schema(project.site_connection) == beginning


def test_a_contract_leaves_what_old_code_uses(by_hand: Project, observer: Any) -> None:
    """The Contract's migration is recorded, and the next run drops what was left."""
    project = by_hand
    project.add(Expand([NOTE]))
    project.migrate()
    project.add(Contract([NOTE]))
    printed = project.manage("sqlmigrate", "shop", "0003").stdout
    assert '-- Run it when no old code uses column "note" of "shop_order". Today: sessions from before' in printed
    assert 'ALTER TABLE "shop_order" DROP COLUMN "note"' in printed
    said = project.migrate()
    assert 'shop.0002_step:0.0: column "note" of "shop_order" is owed still (sessions from before the change' in said
    assert "note" in project.columns("shop_order")
    run(observer, "INSERT INTO shop_order (note, rank, customer_id) VALUES ('old', 1, 1)")
    leave(observer, project)
    assert "old code wrote the column 1 times since the last look" in project.manage("contract").stdout
    assert project.manage("contract").returncode == 0
    assert "note" not in project.columns("shop_order")
    assert "DROP" not in project.manage("sqlmigrate", "shop", "0003").stdout


def test_a_contract_in_the_run_that_finds_no_old_code(by_hand: Project, observer: Any) -> None:
    project = by_hand
    project.add(Expand([NOTE]), Expand([migrations.RemoveField("order", "customer")]))
    project.migrate()
    leave(observer, project)
    project.add(Contract([NOTE]))
    said = project.migrate()
    assert "0002_step:1.0 (its Contract is not written" in said
    assert project.columns("shop_order") == ["id", "rank", "code", "customer_id"]
    assert len(project.run(TYPES)) == 1
    project.add(SafetyAssured([Contract([migrations.RemoveField("order", "customer")])], reason="the shop is closed"))
    project.migrate()
    assert project.columns("shop_order") == ["id", "rank", "code"]


@pytest.mark.parametrize("how", ["absent", "alone", "assured"])
def test_where_no_old_code_is_an_expand_is_the_plain_operation(
    by_hand: Project, observer: Any, stock: Shop, schema: Any, how: str
) -> None:
    project, expand = by_hand, Expand([NOTE])
    if how == "absent":
        project.settings[f"{PREFIX}_OLD_CODE"] = "absent"
    elif how == "alone":
        leave(observer, project)
    project.add(SafetyAssured([expand], reason="the shop is closed") if how == "assured" else expand)
    project.migrate()
    make_contract(project)
    project.migrate()
    stock.migrate(NOTE)
    assert schema(project.site_connection) == schema(stock.connection)
    assert project.run(TYPES) == []


#: A statement of this kind stands still, so that the command can be killed there.
STANDS_STILL = """
CREATE FUNCTION stand_still() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); END';
CREATE EVENT TRIGGER stands_still ON ddl_command_start WHEN TAG IN ('{}') EXECUTE FUNCTION stand_still()
"""
GOES_ON = "DROP EVENT TRIGGER stands_still; DROP FUNCTION stand_still()"
STANDING = """
SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'
"""


def killed_at(kind: str, project: Project, *arguments: str) -> None:
    project.run(STANDS_STILL.format(kind))
    process = project.site.start(*arguments)
    [(pid,)] = wait_until(lambda: project.run(STANDING), f"a {kind}")
    process.kill()
    process.communicate()
    project.run("SELECT pg_terminate_backend(%s, 10000)", pid)
    project.run(GOES_ON)


def test_halves_that_were_killed_are_finished_where_no_old_code_is_left(
    by_hand: Project, observer: Any, stock: Shop, schema: Any
) -> None:
    project = by_hand
    project.add(Expand([NOTE]))
    project.migrate()
    project.add(SafetyAssured([Contract([NOTE])], reason="the shop is closed"))
    killed_at("ALTER TABLE", project, "migrate")
    said = project.manage("contract", "--list").stdout
    assert 'shop.0002_step:0.0: a Contract has begun to drop column "note" of "shop_order"' in said
    project.migrate()
    assert ("note" in project.columns("shop_order"), project.run(TYPES)) == (False, [])

    project.add(Expand([migrations.RemoveField("order", "rank")]))
    project.add(Contract([migrations.RemoveField("order", "rank")]))
    project.migrate()
    project.manage("contract", *NOW)
    # The column is there again, and its debt is not written yet.
    killed_at("CREATE SEQUENCE", project, "migrate", "shop", "0004")
    assert ("rank" in project.columns("shop_order"), project.run(TYPES)) == (True, [])
    leave(observer, project)
    project.migrate("shop", "0004")
    assert len(project.run(TYPES)) == 1
    project.migrate()
    project.manage("contract", *NOW)
    stock.migrate(NOTE, migrations.RemoveField("order", "rank"))
    assert schema(project.site_connection) == schema(stock.connection)
    assert project.run(TYPES) == []


def test_another_engine_runs_the_plain_operations(stock: Shop, schema: Any) -> None:
    beginning = schema(stock.connection)
    rename = migrations.RenameField("order", "note", "remark")
    stock.migrate(Expand([rename]))
    stock.migrate(Contract([rename]))
    assert stock.model("order")._default_manager.using(stock.alias).get(pk=1).remark == "first"
    for _ in range(2):
        stock.unapply()
    assert schema(stock.connection) == beginning


def test_old_names_need_the_setting_in_every_process(by_hand: Project) -> None:
    by_hand.add(Expand([migrations.RenameField("order", "note", "remark")]))
    said = by_hand.refused()
    assert "while EXPAND_CONTRACT is off Django groups by the key alone" in said and "Nothing was sent" in said
    assert "note" in by_hand.columns("shop_order")


def test_make_contract_writes_what_is_missing(by_hand: Project) -> None:
    project = by_hand
    nothing = project.manage("make_contract")
    assert nothing.returncode == 1 and "every Expand has its Contract, or there is none" in nothing.stdout
    project.add(Expand([NOTE]), Expand([migrations.RemoveField("order", "rank"), migrations.DeleteModel("customer")]))
    project.add(Contract([NOTE]))
    shown = make_contract(project, "shop", "--dry-run")
    assert "Contract([\n" not in shown and shown.count("operations.halves.Contract(") == 1
    assert "shop: 0004_contract_remove_order_rank_and_more.py" in shown
    make_contract(project, "--name", "let_go")
    made = project.site.folder / "shop" / "migrations" / "0004_let_go.py"
    assert made.read_text() in shown
    assert project.refused("make_contract", "shop").startswith(
        "CommandError: Nothing to write: every Expand of shop has"
    )
    assert "No installed app with label 'nothing'" in project.refused("make_contract", "nothing")
    assert "write a name that Python could import" in project.refused("make_contract", "--name", "a-b")


def test_a_contract_of_nothing_is_refused_before_anything_runs(by_hand: Project) -> None:
    by_hand.add(migrations.AddField("order", "more", models.IntegerField(null=True)))
    by_hand.add(Contract([NOTE]))
    said = by_hand.refused()
    assert "shop.0003_step: Contract of 'Remove field note from order' has no Expand of the same operation" in said
    assert "more" not in by_hand.columns("shop_order")


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="Expand needs a list of operations"):
        Expand([])
    with pytest.raises(ValueError, match=r"Contract\(\[AddIndex\(…\)\]\): only what old code may miss has two halves"):
        Contract([migrations.AddIndex("order", models.Index(fields=["rank"], name="i"))])


def test_a_pair_is_squashed_into_the_plain_operation() -> None:
    from django.db.migrations.optimizer import MigrationOptimizer

    more = migrations.AddField("customer", "more", models.IntegerField(null=True))
    found = MigrationOptimizer().optimize([Expand([NOTE]), more, Contract([NOTE])], "shop")
    assert sorted(type(x).__name__ for x in found) == ["AddField", "RemoveField"]
    other = Contract([migrations.RemoveField("order", "rank")])
    assert MigrationOptimizer().optimize([Expand([NOTE]), other], "shop")[1] is other
