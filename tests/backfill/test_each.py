"""``Backfill(each=function)`` gives each row to the function once, in batches, and goes on where it was ended."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DataError, migrations, models
from django.db.migrations.writer import MigrationWriter
from django.db.models import Q, Value

from django_zero_downtime_migrations.errors import BackfillStopped, CannotMigrate
from django_zero_downtime_migrations.operations import Backfill
from tests.backends.fixtures import Twins
from tests.backends.project import Shop, Site
from tests.backends.sessions import Beside, run, told, wait_until
from tests.operations.runs import psql

from . import functions
from .conftest import ORDER, ROWS

pytestmark = pytest.mark.slow

NOT_DONE = ~Q(note="done")
DONE = "SELECT times, note, count(*) FROM shop_order GROUP BY 1, 2"
ALL = [(1, "done", 20_000)]
TYPES = "SELECT typname FROM pg_type WHERE typname LIKE 'zero\\_downtime%'"


def by(function: Any) -> Backfill:
    return Backfill("Order", each=function, where=NOT_DONE)


def test_each_row_is_given_once(orders: Shop) -> None:
    orders.migrate(Backfill("Order", each=functions.save, where=NOT_DONE & Q(pk__gt=18_000)))
    assert run(orders.connection, f"{DONE} HAVING note = 'done'") == [(1, "done", 2_000)]
    orders.migrate(by(functions.update))
    assert run(orders.connection, DONE) == ALL
    assert run(orders.connection, TYPES) == []


def test_a_condition_may_have_percent_signs_and_quotes(orders: Shop) -> None:
    orders.migrate(Backfill("Order", each=functions.update, where=Q(note__contains="it's 100%")))
    assert run(orders.connection, f"{DONE} HAVING note = 'done'") == [(1, "done", 6666)]


def test_rows_may_go(orders: Shop) -> None:
    orders.migrate(migrations.CreateModel("parcel", [], options={"proxy": True}, bases=("shop.order",)))
    orders.migrate(Backfill("Parcel", each=functions.delete, where=Q(total=3)))
    assert run(orders.connection, "SELECT count(*), count(*) FILTER (WHERE total = 3) FROM shop_order") == [(18_000, 0)]


def test_what_has_been_ended_goes_on_and_gives_no_row_twice(orders: Shop, settings: Any, caplog: Any) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_BACKFILL_BATCH_TIME = "5ms"
    settings.ZERO_DOWNTIME_MIGRATIONS_BACKFILL_MAX_DURATION = "100ms"
    for _ in range(200):
        try:
            orders.migrate(by(functions.update))
        except BackfillStopped as stopped:
            assert "Run migrate again" in str(stopped)
        else:
            break
    assert caplog.text.count("going on at page") > 0
    assert run(orders.connection, DONE) == ALL
    assert run(orders.connection, TYPES) == []


def test_an_error_of_the_function_takes_back_its_batch_alone(orders: Shop) -> None:
    with pytest.raises(ValueError, match="no slug") as caught:
        orders.migrate(by(functions.fail))
    given = [(row[0], row[2]) for row in run(orders.connection, DONE) if row[1] == "done"]
    assert [times for times, _ in given] == [1]
    assert f"{given[0][1]} rows have been given to tests.backfill.functions.fail" in told(caught.value)
    orders.migrate(by(functions.update))
    assert run(orders.connection, DONE) == ALL


def test_rows_that_the_server_refuses_are_named_and_the_others_are_done(orders: Shop) -> None:
    with pytest.raises(DataError) as caught:
        orders.migrate(by(functions.divide))
    assert "The rows that cannot be changed: id = '777'. " in told(caught.value)


def test_a_row_that_somebody_holds_stops_neither_other_rows_nor_other_clients(
    orders: Shop, other_session: Any, observer: Any, settings: Any
) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT = "200ms"
    run(other_session, "UPDATE shop_order SET total = 9 WHERE id = 3")
    with Beside(lambda: orders.migrate(by(functions.update))) as work:
        left = "SELECT count(*) FROM shop_order WHERE note <> 'done'"
        wait_until(lambda: run(observer, left) == [(1,)], "all other rows are given", work)
        run(observer, "UPDATE shop_order SET total = 8 WHERE id = 4")
        other_session.commit()
        work.result()
    assert run(observer, DONE) == ALL
    assert run(observer, "SELECT id, total FROM shop_order WHERE id IN (3, 4) ORDER BY id") == [(3, 9), (4, 8)]


def test_a_function_that_leaves_rows_as_they_are_is_refused(orders: Shop) -> None:
    with pytest.raises(
        CannotMigrate, match=r"functions\.save_half was given rows .* that fulfil the condition .*still"
    ):
        orders.migrate(by(functions.save_half))
    assert run(orders.connection, "SELECT max(times) FROM shop_order") == [(1,)]


def test_in_the_migration_of_the_table_it_is_one_call_in_its_transaction(shop: Shop) -> None:
    insert = migrations.RunSQL("INSERT INTO shop_order (total, times, note) VALUES (5, 0, '')")
    with pytest.raises(ZeroDivisionError):
        shop.migrate(ORDER, by(functions.save), migrations.RunPython(lambda apps, editor: 1 // 0))
    assert run(shop.connection, "SELECT to_regclass('shop_order')") == [(None,)]
    shop.migrate(ORDER, insert, by(functions.save))
    assert run(shop.connection, DONE) == [(1, "done", 1)]


def test_with_other_schema_editors_it_is_one_call(twins: Twins) -> None:
    for shop in (twins.ours, twins.stock):
        shop.migrate(ORDER)
        shop.run(ROWS)
        shop.migrate(by(functions.update), atomic=False)
        assert run(shop.connection, DONE) == ALL


def test_keys_that_are_no_numbers(orders: Shop) -> None:
    fields = [("code", models.CharField(max_length=20, primary_key=True)), ("note", models.TextField(default=""))]
    orders.migrate(migrations.CreateModel("odd", [*fields], options={"db_table": "odd Ü"}))
    odd = orders.model("odd").objects.using(orders.alias)
    codes = ["it's", "100%s", "ü", " ", '"']
    odd.bulk_create([odd.model(code=code) for code in codes])
    orders.migrate(Backfill("Odd", each=note, where=Q(note="")))
    assert sorted(odd.values_list("code", "note")) == sorted((code, "done") for code in codes)


def test_a_model_that_extends_another(orders: Shop) -> None:
    fields = [
        ("order_ptr", models.OneToOneField("shop.order", models.CASCADE, parent_link=True, primary_key=True)),
        ("wrapped", models.BooleanField(default=False)),
    ]
    orders.migrate(migrations.CreateModel("gift", fields, bases=("shop.order",)))
    orders.run("INSERT INTO shop_gift SELECT id, false FROM shop_order WHERE id <= 100")
    orders.migrate(Backfill("Gift", each=functions.wrap, where=Q(wrapped=False, total=5)))
    assert run(orders.connection, "SELECT count(*) FROM shop_gift WHERE wrapped") == [(10,)]
    assert run(orders.connection, DONE + " HAVING note = 'done'") == [(1, "done", 10)]


def note(apps: Any, rows: Any) -> None:
    rows.update(note=Value("done"))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"each": lambda apps, rows: None, "where": NOT_DONE}, "a function at the top of a module"),
        ({"each": "fill", "where": NOT_DONE}, "write a function"),
        ({"each": functions.save}, "needs a condition that is false of each row that is done"),
        ({"each": functions.save, "where": Q()}, "needs a condition that is false of each row that is done"),
        ({"each": functions.save, "where": NOT_DONE, "values": {"note": ""}}, "and not both"),
    ],
    ids=["a lambda", "no function", "no condition", "an empty condition", "values as well"],
)
def test_what_cannot_be_is_refused(given: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Backfill("Order", **given)


def test_it_is_written_into_a_file_by_its_name() -> None:
    body = {"operations": [by(functions.save)]}
    text = MigrationWriter(type("Migration", (migrations.Migration,), body)("0002", "shop")).as_string()
    assert "each=tests.backfill.functions.save" in text
    assert "import tests.backfill.functions" in text
    assert by(functions.save).migration_name_fragment == "backfill_order_save"


def test_sqlmigrate_says_that_there_is_no_sql(project: Site, observer: Any) -> None:
    project.add(by(functions.save))
    run(observer, ROWS)
    run(observer, "DELETE FROM shop_order WHERE id > 10")
    script = project.manage("sqlmigrate", "shop", "0002").stdout
    assert "-- Backfill Order by save\n--\n-- THIS OPERATION CANNOT BE WRITTEN AS SQL" in script
    psql(project.database["NAME"], script)
    project.migrate()
    assert run(observer, DONE) == [(1, "done", 10)]


@pytest.mark.parametrize("more", [[], ["--without-database"]])
def test_check_migrations_says_that_it_is_code(project: Site, more: list[str]) -> None:
    project.settings["INSTALLED_APPS"] = ["shop", "django_zero_downtime_migrations"]
    project.add(by(functions.save))
    project.add(Backfill("Order", each=functions.save, where=Q(nothing=1)))
    said = " ".join(project.manage("check_migrations", *more).stdout.split())
    assert "what Backfill does is not known before it runs" in said
    assert "Cannot resolve keyword 'nothing' into field" in said
