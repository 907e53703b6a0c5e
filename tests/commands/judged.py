"""Migrations that a test writes, judged in this process as `check_migrations` judges them."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from django.db import migrations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

from django_zero_downtime_migrations.catalog.records import Size
from django_zero_downtime_migrations.judging.choice.selection import Selection
from django_zero_downtime_migrations.judging.counted.sizes import DatabaseSizes, Sizes
from django_zero_downtime_migrations.judging.entries import JudgingOptions
from django_zero_downtime_migrations.judging.judge import Judgement
from django_zero_downtime_migrations.reporting import Report
from tests.backends.project import APP, Shop

Operations = Sequence[Operation]


class Loader(MigrationLoader):
    """The part of Django's loader that is needed when nothing is loaded."""

    def __init__(self) -> None:
        self.unmigrated_apps = set()


class Known(Sizes):
    """Tables have the sizes that the test says."""

    def __init__(self, **sizes: Size) -> None:
        self.sizes = {f'"{name}"': size for name, size in sizes.items()}

    def of(self, table: str) -> Size:
        return self.sizes.get(table, Size())


def migration(number: int, operations: Operations, atomic: bool = True) -> Any:
    body = {"operations": copy.deepcopy(list(operations)), "atomic": atomic}
    return type("Migration", (migrations.Migration,), body)(f"{number:04}", APP)


def check(shop: Shop, *deployment: Operations, sizes: Sizes | None = None, **how: Any) -> Report:
    """Judge the migrations of one deployment, which have not run, on the database as it is. Nothing is small."""
    start = len(shop.migrations)
    plan = [migration(start + number, operations) for number, operations in enumerate(deployment, 1)]
    applied = [migration(number, each.operations) for number, each in enumerate(shop.migrations, 1)]
    judged = frozenset((APP, each.name) for each in plan)
    selection = Selection(Loader(), applied, plan, judged, True)
    connection: Any = shop.connection
    options = JudgingOptions(one_deployment=True, **how)
    return Judgement(selection, connection, sizes or DatabaseSizes(connection), options).report(shop.alias)


def check_alone(shop: Shop, *operations: Operation, sizes: Sizes | None = None, **how: Any) -> Report:
    """Judge one more migration without a database."""
    plan = [migration(number, each.operations) for number, each in enumerate(shop.migrations, 1)]
    plan.append(migration(len(plan) + 1, operations))
    selection = Selection(Loader(), [], plan, frozenset({(APP, plan[-1].name)}), False)
    connection: Any = shop.connection
    return Judgement(selection, connection, sizes or Sizes(), JudgingOptions(**how)).report("")


def codes(report: Report) -> list[str]:
    return [entry.finding.code for entry in report.entries]
