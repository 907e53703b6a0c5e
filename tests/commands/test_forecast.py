"""The cost of long steps, told before it is paid; and compared with what was paid then."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import django
import pytest
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import migrations, models
from django.db.migrations.operations.base import Operation
from django.db.models import Q

from django_zero_downtime_migrations.catalog.records import Size
from django_zero_downtime_migrations.operations import Backfill
from django_zero_downtime_migrations.reporting import Report, render
from django_zero_downtime_migrations.reporting.forecast import LongStep
from servers import launch
from tests.backends.project import Shop
from tests.backends.sessions import Beside, run
from tests.commands.judged import Known, check, check_alone
from tests.commands.project import Project
from tests.commands.test_json import validate

ROWS = 120_000
#: Django 5.1 has given the argument another name.
CONDITION = "condition" if django.VERSION >= (5, 1) else "check"
WAL = "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint"
SIZE = "SELECT pg_total_relation_size('shop_sale')"
KEY = migrations.AlterField("sale", "id", models.BigAutoField(primary_key=True))
BIGGER = migrations.AlterField("sale", "n", models.BigIntegerField())
INDEX = migrations.AddIndex("sale", models.Index(fields=["code"], name="by_code"))
OF_FEW = migrations.AddIndex("sale", models.Index(fields=["n"], name="by_n"))
FILL = Backfill("sale", {"more": 1}, where=Q(more=None))
LARGE = Size(rows=1_000_000, bytes=100 * 1024**2, indexes=20 * 1024**2)


@pytest.fixture
def sales(shop: Shop, settings: Any) -> Shop:
    return in_use(shop, settings)


def in_use(shop: Shop, settings: Any) -> Shop:
    """A table of about 20 MB in use, with an index and a key of 4 bytes."""
    settings.ZERO_DOWNTIME_MIGRATIONS_ONLINE_TYPE_CHANGES = True
    fields = [
        ("id", models.AutoField(primary_key=True)),
        ("n", models.IntegerField()),
        ("more", models.IntegerField(null=True)),
        ("day", models.DateField(db_index=True)),
        ("code", models.CharField(max_length=20)),
        ("tags", ArrayField(models.IntegerField(), null=True)),
        ("note", models.TextField()),
    ]
    shop.migrate(migrations.CreateModel("sale", fields))
    shop.run(
        "INSERT INTO shop_sale (n, day, code, note) SELECT n % 500, date '2000-01-01' + n, 'code-' || n, "
        f"repeat('x', 60) FROM generate_series(1, {ROWS}) n"
    )
    shop.run("ANALYZE shop_sale")
    return shop


def only(report: Report) -> LongStep:
    (step,) = report.forecast
    return step


def most_of_the_disk(shop: Shop, observer: Any, operation: Operation) -> int:
    """Migrate, and return by how much the table grew, or had grown meanwhile."""
    [(before,)] = sizes = run(observer, SIZE)
    with Beside(lambda: shop.migrate(operation)) as work:
        while work.thread.is_alive():
            sizes += run(observer, SIZE)
            work.thread.join(0.02)
        work.result()
    return int(max(size for (size,) in [*sizes, *run(observer, SIZE)]) - before)


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        (KEY, "online change of type"),
        (BIGGER, "online change of type"),
        (INDEX, "index build"),
        (OF_FEW, "index build"),
        (FILL, "fill"),
    ],
    ids=["key", "column", "index", "index of few values", "fill"],
)
def test_disk_is_within_a_factor_of_two(sales: Shop, observer: Any, operation: Operation, kind: str) -> None:
    step = only(check(sales, [operation]))
    [(before,)] = run(observer, SIZE)

    grown = most_of_the_disk(sales, observer, operation)

    assert (step.kind, step.rows, step.size) == (kind, ROWS, before)
    assert step.disk is not None and grown / 2 < step.disk < grown * 2, f"{step.disk:,} of {grown:,}"


def test_wal_is_within_a_factor_of_two(server_major: int, make_connection: Callable[..., Any], settings: Any) -> None:
    """The server has no other traffic, and writes full pages, as those of the other tests do not."""
    with launch.server(server_major, options={"full_page_writes": "on"}) as server:
        where = {"HOST": "127.0.0.1", "PORT": urlsplit(server.url).port, "USER": "postgres", "PASSWORD": ""}
        sales = in_use(Shop(make_connection(name="postgres", **where)), settings)
        for operation in (INDEX, FILL, KEY):
            # The first write to a page after a checkpoint writes all of it.
            sales.run("ANALYZE shop_sale; CHECKPOINT")
            expected = only(check(sales, [operation])).wal
            [(before,)] = sales.run(WAL)
            sales.migrate(operation)
            written = sales.run(WAL)[0][0] - before
            assert expected is not None and written / 2 < expected < written * 2, f"{expected:,} of {written:,}"
        sales.connection.close()


def test_validation_reads_and_needs_no_disk(sales: Shop) -> None:
    positive: Any = {"name": "positive", CONDITION: Q(n__gte=0)}
    step = only(check(sales, [migrations.AddConstraint("sale", models.CheckConstraint(**positive))]))
    assert (step.kind, step.wal, step.disk, step.blocks) == ("validation", 0, 0, "")


def test_rewrite_makes_statements_wait(sales: Shop, settings: Any) -> None:
    """The table is there twice until it ends."""
    settings.ZERO_DOWNTIME_MIGRATIONS_ONLINE_TYPE_CHANGES = False
    report = check(sales, [BIGGER])
    step = only(report)
    assert (step.kind, step.blocks, step.disk) == ("rewrite", "reads and writes", step.size)
    assert 'reads and writes of "shop_sale" wait for' in render("text", report)


def test_index_of_another_method_has_no_cost(sales: Shop) -> None:
    """A value has any number of entries there."""
    report = check(sales, [migrations.AddIndex("sale", GinIndex(fields=["tags"], name="by_tags"))])
    step = only(report)
    assert (step.rows, step.seconds, step.wal, step.disk) == (ROWS, None, None, None)
    assert "its cost is not known" in render("text", report)


def test_second_pass_of_a_fill_is_not_counted_twice(sales: Shop) -> None:
    """A fill runs once more before NOT NULL, for what was written meanwhile."""
    report = check(sales, [migrations.AlterField("sale", "more", models.IntegerField(default=1))])
    assert [(step.kind, step.rows) for step in report.forecast] == [("fill", ROWS), ("validation", ROWS)]


def test_fill_of_no_rows(sales: Shop) -> None:
    sales.run("UPDATE shop_sale SET more = 1; ANALYZE shop_sale")
    report = check(sales, [migrations.AlterField("sale", "more", models.IntegerField(default=1))])
    assert [step.kind for step in report.forecast] == ["validation"]


def test_backfill_that_is_left_for_later(sales: Shop) -> None:
    later = Backfill("sale", {"more": 1}, where=Q(more=None), later=True)
    assert only(check(sales, [later])).kind == "fill"


def test_pauses_of_a_fill_are_a_part_of_its_time(sales: Shop, settings: Any) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_BACKFILL_LOAD = 1
    quick = only(check(sales, [FILL])).seconds
    settings.ZERO_DOWNTIME_MIGRATIONS_BACKFILL_LOAD = 0.25
    slow = only(check(sales, [FILL])).seconds
    assert quick and slow and 3 < slow / quick <= 4


def test_small_table_has_no_forecast(books: Shop) -> None:
    title = migrations.AddIndex("book", models.Index(fields=["title"], name="by_title"))
    report = check(books, [title])
    assert (report.forecast, json.loads(render("json", report))["forecast"]) == ((), None)
    assert "Forecast" not in render("text", report)


def test_statement_that_takes_a_moment(sales: Shop) -> None:
    assert check(sales, [migrations.AddField("sale", "rank", models.IntegerField(null=True))]).forecast == ()


def test_table_of_the_same_deployment(sales: Shop) -> None:
    """A table that is still to be made has no rows, even if one of its name was counted."""
    fields = [("id", models.BigAutoField(primary_key=True)), ("title", models.CharField(max_length=9))]
    title = migrations.AddIndex("page", models.Index(fields=["title"], name="by_title"))
    report = check(sales, [migrations.CreateModel("page", fields), title], sizes=Known(shop_page=LARGE))
    assert report.forecast == ()


def test_sizes_are_known_and_rows_are_not(sales: Shop) -> None:
    step = only(check(sales, [INDEX], sizes=Known(shop_sale=LARGE._replace(rows=None))))
    assert (step.rows, step.size, step.seconds, step.disk) == (None, LARGE.bytes, None, None)


def test_it_is_told_without_a_database(sales: Shop) -> None:
    """A code has 8 bytes where no statistics tell it: 22.2 bytes for each of a million rows."""
    report = check_alone(sales, INDEX, sizes=Known(shop_sale=LARGE))
    assert only(report).disk == round(1_000_000 * 20 / 0.9)
    assert check_alone(sales, INDEX).forecast == ()


def test_table_that_has_another_name_by_then(sales: Shop) -> None:
    renamed = migrations.RenameModel("sale", "deal")
    index = migrations.AddIndex("deal", models.Index(fields=["code"], name="by_code"))
    assert only(check(sales, [renamed, index])).table == '"shop_sale"'


def test_sum_of_the_deployment(sales: Shop) -> None:
    report = check(sales, [INDEX], [FILL])
    data = json.loads(render("json", report))["forecast"]
    assert [step["migration"] for step in data["steps"]] == ["0002", "0003"]
    assert (data["wal"], data["disk"]) == tuple(sum(step[name] for step in data["steps"]) for name in ("wal", "disk"))
    assert (data["complete"], data["longest_lock"]) == (True, None)


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_it_is_shown_to_people(sales: Shop, form: str) -> None:
    text = render(form, check(sales, [INDEX]))
    assert f'shop.0002, AddIndex: index build of "shop_sale", about {ROWS:,} rows, ' in text
    assert "Forecast, which is rough: less than 1 s, " in text.replace("\\", "")


def test_json_keeps_to_its_schema(sales: Shop, settings: Any) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_ONLINE_TYPE_CHANGES = False
    tags = migrations.AddIndex("sale", GinIndex(fields=["tags"], name="by_tags"))
    validate(json.loads(render("json", check(sales, [BIGGER, INDEX, tags, FILL]))))


def test_file_of_sizes_has_those_of_the_indexes(used: Project) -> None:
    used.run(f"INSERT INTO {used.app}_book (pages) SELECT n FROM generate_series(1, 5000) n; ANALYZE {used.app}_book")
    used.check("--write-stats", "sizes.json")
    written = json.loads((used.folder / "sizes.json").read_text())["tables"][f"{used.app}_book"]
    assert written["indexes"] == used.run(f"SELECT pg_indexes_size('{used.app}_book')")[0][0]
