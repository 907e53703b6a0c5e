from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.backends.fixtures import observer, shop
from tests.backends.project import Shop
from tests.commands.project import BOOK, Project

__all__ = ["observer", "shop"]


@pytest.fixture
def project(tmp_path: Path, database: BaseDatabaseWrapper, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """Make a project in the working directory, whose modules can be imported."""
    made = Project(tmp_path, database)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(made.home))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield made
    for name in [name for name in sys.modules if name.partition(".")[0] == made.app]:
        del sys.modules[name]


@pytest.fixture
def used(project: Project) -> Project:
    """Return the project after its first migration, which was applied some time ago."""
    name = project.add(BOOK)
    project.migrate(name)
    return project


@pytest.fixture
def books(shop: Shop) -> Shop:
    """A table that is in use."""
    fields = [
        ("id", models.BigAutoField(primary_key=True)),
        ("pages", models.IntegerField(null=True)),
        ("title", models.CharField(max_length=20)),
    ]
    shop.migrate(migrations.CreateModel("book", fields))
    return shop


@pytest.fixture
def small_tables(settings: Any) -> None:
    """Set the default size below which tables are small."""
    del settings.ZERO_DOWNTIME_MIGRATIONS_CHECK_SMALL_TABLE
