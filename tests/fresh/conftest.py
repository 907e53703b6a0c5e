from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from tests import databases
from tests.backends.fixtures import observer, shop, site, twins
from tests.backends.project import Site

from . import recorder
from .library import write

__all__ = ["observer", "shop", "site", "twins"]


@pytest.fixture
def sites(tmp_path: Path, database: BaseDatabaseWrapper, stock_database: BaseDatabaseWrapper) -> tuple[Site, Site]:
    """Two projects that record what `migrate` sends: with our engine, and with Django's own."""
    both = Site(tmp_path / "ours", database), Site(tmp_path / "stock", stock_database)
    for one in both:
        recorder.install(one)
    return both


@pytest.fixture
def library(site: Site) -> Iterator[Site]:
    """A project with tests of its own; the databases that these make go at the end."""
    write(site)
    yield site
    with closing(databases.open_session(autocommit=True)) as session, session.cursor() as cursor:
        for name in test_databases(site, cursor):
            databases.evict(name, cursor)
            cursor.execute(f'DROP DATABASE "{name}"')


def test_databases(site: Site, cursor: Any) -> list[str]:
    """Return the databases that `manage.py test` and pytest-django have made beside the project's, and left there."""
    begin = f"test_{site.database['NAME']}"
    cursor.execute(
        "SELECT datname FROM pg_database WHERE datname = %s OR starts_with(datname, %s)", [begin, f"{begin}_"]
    )
    return sorted(name for (name,) in cursor.fetchall())


@pytest.fixture
def left_behind(library: Site) -> Any:
    """left_behind(): the names of the test databases that are there now, without the common beginning."""

    def names() -> list[str]:
        with closing(databases.open_session(autocommit=True)) as session, session.cursor() as cursor:
            return [name.removeprefix(f"test_{library.database['NAME']}") for name in test_databases(library, cursor)]

    return names
