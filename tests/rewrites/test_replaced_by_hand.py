"""An operator's repairs between two runs of an online type change: nothing is lost, and nothing is silent."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper

from django_zero_downtime_migrations.naming import UTF8
from tests.backends.project import Site
from tests.backends.sessions import run

NEW = UTF8.temporary("~n", "new")
TRIGGER = UTF8.temporary("~n", "insert")
FUNCTION = UTF8.temporary("shop_order_n", "sync")
PROOF = UTF8.temporary("shop_order_n", "same")
WRONG = "SELECT count(*) FROM shop_order WHERE n IS DISTINCT FROM id::int"
#: What is done, and whether the next run can go on.
ACTS = {
    "nothing": ("SELECT 1", True),
    "a row is changed": ("UPDATE shop_order SET note = 'x' WHERE id > 29990", True),
    "trigger": (f'DROP TRIGGER "{TRIGGER}" ON shop_order', True),
    "function": (f"DROP FUNCTION {FUNCTION} CASCADE", True),
    "proof": (f'ALTER TABLE shop_order DROP CONSTRAINT "{PROOF}"', False),
    "column": (f'DROP FUNCTION {FUNCTION} CASCADE; ALTER TABLE shop_order DROP COLUMN "{NEW}"', True),
}


@pytest.fixture
def interrupted(site: Site, database: BaseDatabaseWrapper) -> Site:
    """A run whose time was over while it filled the rows."""
    site.settings["INSTALLED_APPS"] = ["django_zero_downtime_migrations", "shop"]
    wanted = {"ONLINE_TYPE_CHANGES": True, "RAISE_FOR_UNSAFE": True, "LOCK_TIMEOUT": "1s"}
    site.settings |= {f"ZERO_DOWNTIME_MIGRATIONS_{name}": value for name, value in wanted.items()}
    note = models.CharField(max_length=20, default="")
    fields = [("id", models.BigAutoField(primary_key=True)), ("n", models.IntegerField()), ("note", note)]
    site.add(migrations.CreateModel("order", fields))
    site.manage("migrate")
    run(database, "INSERT INTO shop_order (n, note) SELECT g, repeat('x', 20) FROM generate_series(1, 30000) g")
    site.add(migrations.AlterField("order", "n", models.BigIntegerField()))
    site.settings["ZERO_DOWNTIME_MIGRATIONS_BACKFILL_MAX_DURATION"] = "1ms"
    assert site.manage("migrate").returncode == 3
    del site.settings["ZERO_DOWNTIME_MIGRATIONS_BACKFILL_MAX_DURATION"]
    return site


@pytest.mark.parametrize(("act", "goes_on"), ACTS.values(), ids=ACTS)
def test_the_next_run_goes_on_or_says_why_not(
    interrupted: Site, database: BaseDatabaseWrapper, act: str, goes_on: bool
) -> None:
    run(database, act)

    done: Any = interrupted.manage("migrate")

    kind = run(database, "SELECT pg_typeof(n)::text FROM shop_order LIMIT 1")
    assert (done.returncode == 0, kind) == (goes_on, [("bigint" if goes_on else "integer",)]), done.stdout
    assert run(database, WRONG) == [(0,)]
    if not goes_on:
        assert PROOF in done.stdout
