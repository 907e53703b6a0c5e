"""Ours sends on an empty database what stock Django sends, and no more than a few queries beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from benchmarks import generated
from tests.backends.project import APP, Site

from .recorder import ddl, record

LIMIT = 1.05
CONTRIB = [
    f"django.contrib.{name}"
    for name in ("contenttypes", "auth", "admin", "sessions", "messages", "sites", "redirects", "flatpages")
]


def contrib(site: Site) -> list[str]:
    site.settings["SITE_ID"] = 1
    return CONTRIB


def made_up(site: Site) -> list[str]:
    return generated.write(site.folder, apps=2)


@pytest.mark.parametrize("apps", [contrib, made_up])
def test_queries_and_schema_from_scratch(
    sites: tuple[Site, Site],
    apps: Callable[[Site], list[str]],
    database: BaseDatabaseWrapper,
    stock_database: BaseDatabaseWrapper,
    dump: Callable[..., Any],
) -> None:
    sent = []
    for site in sites:
        site.settings["INSTALLED_APPS"] = [*apps(site), APP]
        sent += record(site)
    ours, stock = sent
    assert ddl(ours) == ddl(stock)
    assert len(ours) <= len(stock) * LIMIT
    assert dump(database) == dump(stock_database)
