"""Fixtures for the tests that migrate an app; each folder that uses them imports them in its conftest.py."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.operations.base import Operation

from .project import Shop, Site


class Twins:
    """The same migrations with our engine and with Django's own, each on a database of its own."""

    def __init__(self, ours: Shop, stock: Shop, dump: Callable[..., str]) -> None:
        self.ours = ours
        self.stock = stock
        self.dump = dump

    def run(self, sql: str) -> None:
        for shop in (self.ours, self.stock):
            shop.run(sql)

    def migrate(self, *operations: Operation, atomic: bool = True) -> Any:
        """Apply one migration to both, compare what there is afterwards, and return our editor."""
        self.stock.migrate(*operations, atomic=atomic)
        editor = self.ours.migrate(*operations, atomic=atomic)
        self.compare()
        return editor

    def compare(self) -> None:
        ours, stock = (self.dump(shop.connection).splitlines() for shop in (self.ours, self.stock))
        assert ours == stock, "\n".join(difflib.unified_diff(stock, ours, "stock", "ours", lineterm="", n=0))


@pytest.fixture
def shop(database: BaseDatabaseWrapper) -> Shop:
    """Migrations with our engine."""
    return Shop(database)


@pytest.fixture
def twins(shop: Shop, stock_database: BaseDatabaseWrapper, dump: Callable[..., str]) -> Twins:
    return Twins(shop, Shop(stock_database), dump)


@pytest.fixture
def site(tmp_path: Path, database: BaseDatabaseWrapper) -> Site:
    """Make a project of its own on the database of `database`."""
    return Site(tmp_path, database)


@pytest.fixture
def observer(open_session: Callable[..., Any]) -> Any:
    """A session in autocommit mode that looks at the others."""
    return open_session(autocommit=True)
