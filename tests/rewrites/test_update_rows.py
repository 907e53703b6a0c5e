"""An UPDATE of many rows is done in batches, each in a transaction of its own."""

from __future__ import annotations

import pytest
from django.db import migrations, models
from django.db.models import Q

from django_zero_downtime_migrations.operations import Backfill
from tests.backends.project import Shop

NOTE = migrations.CreateModel(
    "note", [("id", models.BigAutoField(primary_key=True)), ("times", models.IntegerField(default=0))]
)
ROWS = 20_000
UPDATE = "UPDATE shop_note SET times = 1"
#: The transactions that have written the rows as they are.
WRITTEN_BY = "SELECT count(DISTINCT xmin::text) FROM shop_note"


@pytest.fixture
def notes(shop: Shop) -> Shop:
    shop.migrate(NOTE)
    shop.run("INSERT INTO shop_note (times) SELECT 0 FROM generate_series(1, %s)", ROWS)
    return shop


def test_one_update_keeps_the_locks_of_all_rows_until_its_end(notes: Shop) -> None:
    notes.run(UPDATE)
    assert notes.run(WRITTEN_BY) == [(1,)]


def test_batches_let_them_go_one_after_the_other(notes: Shop) -> None:
    notes.migrate(Backfill("note", {"times": 1}, where=~Q(times=1)))
    assert notes.run("SELECT times, count(*) FROM shop_note GROUP BY times") == [(1, ROWS)]
    [(transactions,)] = notes.run(WRITTEN_BY)
    assert transactions > 1
