"""A project with EXPAND_CONTRACT, whose database has another session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.backends.fixtures import observer, shop, site
from tests.backends.project import Shop, Site
from tests.backends.sessions import run

from .versions import Project

__all__ = ["observer", "shop", "site"]

PREFIX = "ZERO_DOWNTIME_MIGRATIONS"
TABLES = [
    migrations.CreateModel(
        "customer", [("id", models.BigAutoField(primary_key=True)), ("name", models.CharField(max_length=20))]
    ),
    migrations.CreateModel(
        "order",
        [
            ("id", models.BigAutoField(primary_key=True)),
            ("note", models.CharField(max_length=20)),
            ("rank", models.PositiveIntegerField(default=7, db_index=True)),
            ("code", models.IntegerField(unique=True, null=True)),
            ("customer", models.ForeignKey("shop.customer", models.CASCADE)),
        ],
    ),
    migrations.AddField("order", "friends", models.ManyToManyField("shop.customer", related_name="+")),
]
ROWS = """
INSERT INTO shop_customer (name) VALUES ('a'), ('b');
INSERT INTO shop_order (note, rank, code, customer_id) VALUES ('first', 1, 1, 1), ('second', 2, 2, 2);
INSERT INTO shop_order_friends (order_id, customer_id) VALUES (1, 2)
"""


@pytest.fixture
def project(site: Site, database: BaseDatabaseWrapper, observer: Any) -> Project:
    """Make a project whose tables have rows; the session of the observer is older than every change."""
    site.settings |= {
        f"{PREFIX}_LOCK_TIMEOUT": "2s",
        f"{PREFIX}_EXPAND_CONTRACT": True,
        "INSTALLED_APPS": ["shop", "django_zero_downtime_migrations"],
    }
    made = Project(site, database)
    made.add(*TABLES)
    made.migrate()
    run(observer, ROWS)
    return made


@pytest.fixture
def stock(stock_database: BaseDatabaseWrapper) -> Shop:
    """The same tables with Django's own engine."""
    made = Shop(stock_database)
    made.migrate(*TABLES)
    made.run(ROWS)
    return made


@pytest.fixture
def schema(dump: Callable[..., str]) -> Callable[[BaseDatabaseWrapper], list[str]]:
    """A dump without what only a project has."""

    def lines(connection: BaseDatabaseWrapper) -> list[str]:
        found = dump(connection, "--exclude-table=django_migrations*").splitlines()
        # The time of the last look differs.
        return [line for line in found if ".seen IS " not in line]

    return lines
