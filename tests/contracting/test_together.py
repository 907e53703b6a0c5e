"""Several things are owed of one table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import migrations, models

from tests.backends.project import Shop

from .versions import Project

FIRST = "shop.0002_step:0"
PREFIX = "ZERO_DOWNTIME_MIGRATIONS"
ONE_BY_ONE: dict[str, Any] = {
    "removed": migrations.RemoveField("order", "note"),
    "renamed": migrations.RenameField("order", "rank", "place"),
    "filled": migrations.AlterField("order", "code", models.IntegerField(unique=True, default=5)),
    "added": migrations.AddField("order", "weight", models.IntegerField(default=7)),
}
PAIRS = [(first, second) for first in ONE_BY_ONE for second in ONE_BY_ONE if first != second]


@pytest.fixture(params=PAIRS, ids=" ".join)
def pair(request: pytest.FixtureRequest, project: Project) -> list[Any]:
    """Make both removals; one that is in the way of the other is paid before."""
    first, second = (ONE_BY_ONE[name] for name in request.param)
    project.add(first)
    project.migrate()
    project.add(second)
    if project.manage("migrate").returncode:
        project.manage("contract", FIRST, "--now", "the release is through")
        project.migrate()
    return [first, second]


def test_both_are_paid_and_end_as_stock(
    project: Project, stock: Shop, schema: Callable[..., list[str]], pair: list[Any]
) -> None:
    project.disconnect()
    project.settings[f"{PREFIX}_OLD_CODE"] = "absent"
    project.migrate()
    assert project.owed() == []
    for operation in pair:
        stock.migrate(operation)
    assert schema(project.site_connection) == schema(stock.connection)


def test_both_are_taken_back(project: Project, stock: Shop, schema: Callable[..., list[str]], pair: list[Any]) -> None:
    project.migrate("shop", "0001")
    assert project.owed() == []
    # A column that was added again is the last one, as with stock Django.
    ours, stocks = (sorted(x.rstrip(",") for x in schema(y)) for y in (project.site_connection, stock.connection))
    assert ours == stocks


def test_removal_waits_for_the_view_that_is_in_the_place_of_its_table(project: Project) -> None:
    project.add(ONE_BY_ONE["removed"])
    project.migrate()
    project.add(ONE_BY_ONE["renamed"])
    project.migrate()
    before = {x["id"] for x in project.owed()}
    said = project.refused("contract", FIRST, "--now", "the release is through")
    assert '"shop_order" is a view while shop.0003_step:0 is owed, which is paid first' in said
    assert {x["id"] for x in project.owed()} == before == {FIRST, "shop.0003_step:0"}
    [reasons] = [x["reasons"] for x in project.owed() if x["id"] == FIRST]
    assert any("which is paid first" in reason for reason in reasons)
    project.manage("contract", "--now", "the release is through")
    assert project.owed() == []
    assert "note" not in project.columns("shop_order")
