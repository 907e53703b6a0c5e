"""``Backfill`` does to the rows what ``QuerySet.update()`` does, in batches, and goes on where it was ended."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import DataError, IntegrityError, connections, migrations, models
from django.db.models import F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Concat, Length, Upper

from django_zero_downtime_migrations.errors import BackfillStopped, CannotMigrate
from django_zero_downtime_migrations.operations import Backfill
from tests.backends.fixtures import Twins
from tests.backends.project import Shop, Site
from tests.backends.sessions import Beside, run, wait_until
from tests.operations.runs import psql

from .conftest import ORDER, ROWS

CONTENT = "SELECT id, total, cents, times, note FROM shop_order ORDER BY id"
CENTS = Backfill("Order", {"cents": F("total") * 100}, where=Q(cents=None))
ONCE = Backfill("Order", {"times": F("times") + 1, "note": Value("done")}, where=~Q(note="done"))


def model(shop: Shop) -> Any:
    return shop.states[-1].apps.get_model("shop", "order")


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"cents": F("total") * 100}, Q(cents=None)),
        ({"cents": F("total") * 100}, None),
        ({"cents": None}, None),
        ({"cents": 7, "note": "50%"}, None),
        ({"note": "it's 100% of %s"}, Q(note__contains="100%")),
        ({"note": Concat(F("note"), Value("!"))}, Q(note__startswith="x") & ~Q(note__endswith="!")),
        ({"note": Upper("note")}, Q(total__in=[1, 2, 3]) & ~Q(note=Upper("note"))),
        ({"cents": Length("note"), "times": 3}, Q(pk__lt=500) | Q(note__endswith="s")),
        ({"times": F("total")}, Q(total__isnull=False)),
        ({"cents": 1}, Q(pk__in=[])),
    ],
    ids=[
        "computed",
        "computed without a condition",
        "NULL",
        "two values",
        "percent and quotes",
        "of itself",
        "of itself, among some",
        "two conditions",
        "of another column",
        "no rows",
    ],
)
def test_rows_are_those_of_an_update(orders: Shop, values: dict[str, Any], where: Q | None) -> None:
    expected = "UPDATE"
    with connections[orders.alias].cursor() as cursor:
        cursor.execute("CREATE TABLE copied AS SELECT * FROM shop_order")
    queryset = model(orders).objects.using(orders.alias)
    (queryset.filter(where) if where is not None else queryset).update(**values)
    expected = run(orders.connection, CONTENT)
    orders.run("TRUNCATE shop_order")
    orders.run("INSERT INTO shop_order SELECT * FROM copied")

    orders.migrate(Backfill("Order", values, where))

    assert run(orders.connection, CONTENT) == expected


def test_values_of_another_table(orders: Shop) -> None:
    orders.migrate(
        migrations.CreateModel(
            "line",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("order", models.ForeignKey("shop.order", models.CASCADE)),
                ("price", models.IntegerField()),
            ],
        )
    )
    orders.run("INSERT INTO shop_line (order_id, price) SELECT id, id * 2 FROM shop_order WHERE id < 1000")
    line = orders.states[-1].apps.get_model("shop", "line")
    price = line.objects.filter(order=OuterRef("pk")).values("price")[:1]

    orders.migrate(Backfill("Order", {"cents": Subquery(price)}, where=Q(line__price__gt=1000)))

    found = "SELECT count(*), min(cents - id * 2), max(cents - id * 2) FROM shop_order WHERE cents IS NOT NULL"
    assert run(orders.connection, found) == [(499, 0, 0)]


def test_each_row_gets_a_random_value_of_its_own(orders: Shop) -> None:
    from django.contrib.postgres.functions import RandomUUID

    orders.migrate(migrations.AddField("order", "token", models.UUIDField(null=True)))
    orders.migrate(Backfill("Order", {"token": RandomUUID()}, where=Q(token=None)))
    assert run(orders.connection, "SELECT count(DISTINCT token) FROM shop_order") == [(20_000,)]
    assert all(isinstance(x, uuid.UUID) for (x,) in run(orders.connection, "SELECT token FROM shop_order LIMIT 3"))


def test_with_other_schema_editors_it_is_one_update(twins: Twins) -> None:
    for shop in (twins.ours, twins.stock):
        shop.migrate(ORDER)
        shop.run(ROWS)
        shop.migrate(CENTS)
    assert run(twins.ours.connection, CONTENT) == run(twins.stock.connection, CONTENT)


def test_in_the_migration_of_the_table_it_is_part_of_its_transaction(shop: Shop) -> None:
    insert = migrations.RunSQL("INSERT INTO shop_order (total, times, note) VALUES (5, 0, '')")
    with pytest.raises(ZeroDivisionError):
        shop.migrate(ORDER, CENTS, migrations.RunPython(lambda apps, editor: 1 // 0))
    assert run(shop.connection, "SELECT to_regclass('shop_order')") == [(None,)]
    shop.migrate(ORDER, insert, CENTS)
    assert run(shop.connection, "SELECT cents FROM shop_order") == [(500,)]


def test_a_row_that_somebody_holds_stops_neither_other_rows_nor_other_clients(
    orders: Shop, other_session: Any, observer: Any, settings: Any
) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT = "200ms"
    run(other_session, "UPDATE shop_order SET total = 9 WHERE id = 3")
    with Beside(lambda: orders.migrate(ONCE)) as work:
        left = "SELECT count(*) FROM shop_order WHERE note <> 'done'"
        wait_until(lambda: run(observer, left) == [(1,)], "all other rows are changed", work)
        run(observer, "UPDATE shop_order SET total = 8 WHERE id = 4")
        other_session.commit()
        work.result()
    assert run(observer, "SELECT DISTINCT times, note FROM shop_order") == [(1, "done")]
    assert run(observer, "SELECT id, total FROM shop_order WHERE id IN (3, 4) ORDER BY id") == [(3, 9), (4, 8)]


def test_what_has_been_ended_goes_on_and_changes_no_row_twice(orders: Shop, settings: Any, caplog: Any) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_BACKFILL_BATCH_TIME = "1ms"
    settings.ZERO_DOWNTIME_MIGRATIONS_BACKFILL_MAX_DURATION = "10ms"
    for _ in range(100):
        try:
            orders.migrate(ONCE)
        except BackfillStopped as stopped:
            assert "Run migrate again" in str(stopped)
        else:
            break
    assert caplog.text.count("going on at page") > 0
    assert run(orders.connection, "SELECT times, note, count(*) FROM shop_order GROUP BY 1, 2") == [(1, "done", 20_000)]
    left = "SELECT count(*) FROM pg_type WHERE typname LIKE 'zero\\_downtime%'"
    assert run(orders.connection, left) == [(0,)]


@pytest.mark.parametrize(
    ("operation", "says"),
    [
        (Backfill("Order", {"times": F("times") + 1}), "so nothing tells a row that is done from one that is not"),
        (Backfill("Order", {"times": F("times") + 1}, where=Q(total=3)), "it would never come to its end"),
        (Backfill("Order", {"note": Concat("note", Value("!"))}, where=Q(total=3)), "it would never come to its end"),
    ],
    ids=["no condition", "a condition that stays true", "a condition of another field"],
)
def test_what_would_never_end_is_refused(orders: Shop, operation: Backfill, says: str) -> None:
    before = run(orders.connection, CONTENT)
    with pytest.raises(CannotMigrate, match=says):
        orders.migrate(operation)
    assert run(orders.connection, CONTENT) == before


@pytest.mark.parametrize("options", [{"proxy": True}, {"managed": False, "db_table": "shop_order"}], ids=str)
def test_rows_may_be_those_of_a_model_without_a_table_of_its_own(orders: Shop, options: Any) -> None:
    fields = [] if "proxy" in options else [*ORDER.fields]
    bases = ("shop.order",) if "proxy" in options else (models.Model,)
    orders.migrate(migrations.CreateModel("parcel", fields, options=options, bases=bases))
    orders.migrate(Backfill("Parcel", {"times": 3}, where=Q(total=3)))
    assert run(orders.connection, "SELECT total, count(*) FROM shop_order WHERE times = 3 GROUP BY 1") == [(3, 2000)]


def test_a_field_of_another_table_is_refused(orders: Shop) -> None:
    fields = [("order_ptr", models.OneToOneField("shop.order", models.CASCADE, parent_link=True, primary_key=True))]
    orders.migrate(
        migrations.CreateModel(
            "gift", [*fields, ("wrapped", models.BooleanField(default=False))], bases=("shop.order",)
        )
    )
    with pytest.raises(CannotMigrate, match="the field 'note' has no column in the table 'shop_gift'"):
        orders.migrate(Backfill("Gift", {"note": "x"}))
    orders.run("INSERT INTO shop_gift SELECT id, false FROM shop_order WHERE id < 10")
    orders.migrate(Backfill("Gift", {"wrapped": True}, where=Q(wrapped=False)))
    assert run(orders.connection, "SELECT count(*) FROM shop_gift WHERE wrapped") == [(9,)]


def test_without_values_there_is_nothing_to_do() -> None:
    with pytest.raises(ValueError, match="Backfill needs values"):
        Backfill("Order", {})


@pytest.mark.parametrize(
    ("values", "error", "key"),
    [
        ({"times": 1 / (F("id") - 777)}, DataError, 777),
        ({"times": models.expressions.Case(models.When(pk=778, then=None), default=4)}, IntegrityError, 778),
    ],
    ids=["an expression that fails", "a constraint"],
)
def test_rows_for_which_it_fails_are_named(orders: Shop, values: Any, error: Any, key: int) -> None:
    with pytest.raises(error) as caught:
        orders.migrate(Backfill("Order", values))
    said = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", ())])
    assert f"The rows that cannot be changed: id = '{key}'. " in said


def test_rows_are_named_beside_one_that_is_locked(orders: Shop, other_session: Any) -> None:
    run(other_session, "SELECT FROM shop_order WHERE id = 776 FOR UPDATE")
    with pytest.raises(DataError) as caught:
        orders.migrate(Backfill("Order", {"times": 1 / (F("id") - 777)}))
    said = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", ())])
    assert "The rows that cannot be changed: id = '777'. " in said


def test_sqlmigrate_prints_what_psql_does_as_well(project: Site, observer: Any) -> None:
    project.add(CENTS)
    run(observer, ROWS)
    psql(project.database["NAME"], project.manage("sqlmigrate", "shop", "0002").stdout)
    assert run(observer, "SELECT count(*) FROM shop_order WHERE cents IS DISTINCT FROM total * 100") == [(0,)]
    project.migrate()


def test_taken_back_it_does_nothing(orders: Shop) -> None:
    orders.migrate(CENTS)
    before = run(orders.connection, CONTENT)
    orders.unapply()
    assert run(orders.connection, CONTENT) == before
