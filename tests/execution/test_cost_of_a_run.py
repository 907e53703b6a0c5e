"""The round trips of a run of ``migrate`` that can go on where it stopped (IDEMPOTENT_SQL), beside one that cannot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import migrations, models

from tests.backends.project import Site

from .wire import Wire, wire

ID = ("id", models.BigAutoField(primary_key=True))
CODE = """
from django.db import migrations

def count(apps, editor):
    {body}

class Migration(migrations.Migration):
    dependencies = [("shop", "0001_step")]
    operations = [migrations.RunPython({code}, migrations.RunPython.noop)]
"""
FOREIGN_KEY = models.ForeignKey("author", models.CASCADE, null=True)
#: By what the migration does: its operations, and how many round trips more it has.
RUNS: dict[str, tuple[Any, int]] = {
    "one short step": ([migrations.AddField("book", "pages", models.IntegerField(null=True))], 2),
    "an index alone": ([migrations.AddIndex("book", models.Index(fields=["title"], name="by_title"))], 0),
    "a foreign key": ([migrations.AddField("book", "author", FOREIGN_KEY)], 2),
    "a unique column": ([migrations.AddField("book", "isbn", models.IntegerField(null=True, unique=True))], 2),
    "SQL of one's own": ([migrations.RunSQL("SELECT 1", "SELECT 1")], 1),
    "code that does nothing": (CODE.format(body="pass", code="migrations.RunPython.noop"), 2),
    "code": (CODE.format(body='apps.get_model("shop", "book").objects.count()', code="count"), 2),
}


@pytest.fixture
def counted(site: Site) -> Iterator[Wire]:
    site.add(
        migrations.CreateModel("author", [ID]),
        migrations.CreateModel("book", [ID, ("title", models.CharField(max_length=20))]),
    )
    site.migrate()
    with wire(site.database["HOST"], int(site.database["PORT"])) as made:
        site.database["HOST"], site.database["PORT"] = "127.0.0.1", str(made.port)
        yield made


def of_a_run(site: Site, counted: Wire, idempotent: bool | None) -> int:
    site.settings["ZERO_DOWNTIME_MIGRATIONS_IDEMPOTENT_SQL"] = idempotent
    before = counted.round_trips
    site.migrate()
    return counted.round_trips - before


@pytest.mark.parametrize(("migration", "more"), RUNS.values(), ids=RUNS)
def test_a_run_of_one_migration(site: Site, counted: Wire, migration: Any, more: int) -> None:
    if isinstance(migration, str):
        site.add_text("0002_step", migration)
    else:
        site.add(*migration)
    off = of_a_run(site, counted, False)
    site.migrate("shop", "0001")
    assert of_a_run(site, counted, None) - off == more


#: An operation, and its round trips. With a journal they are as many: the mark goes with the SQL.
EACH: dict[str, tuple[Any, int]] = {
    "a statement": (migrations.RunSQL("UPDATE shop_book SET title = 'a' WHERE id = 1"), 1),
    "a statement with values": (migrations.RunSQL([("UPDATE shop_book SET title = %s WHERE id = 1", ["a"])]), 1),
    "what needs a transaction block": (migrations.RunSQL("LOCK TABLE shop_book IN SHARE MODE"), 3),
    "two statements": (migrations.RunSQL("SELECT 1; SELECT 2"), 3),
}


@pytest.mark.parametrize(("operation", "round_trips"), EACH.values(), ids=EACH)
def test_each_operation_of_ones_own_sql(site: Site, counted: Wire, operation: Any, round_trips: int) -> None:
    def each(idempotent: bool | None) -> float:
        taken = []
        for many in (10, 20):
            site.add(*[operation] * many)
            taken.append(of_a_run(site, counted, idempotent))
        return (taken[1] - taken[0]) / 10

    assert each(False) == each(None) == round_trips


def test_a_run_with_nothing_to_do_asks_once_what_was_left(site: Site, counted: Wire) -> None:
    assert of_a_run(site, counted, None) - of_a_run(site, counted, False) == 1
