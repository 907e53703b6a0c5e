from __future__ import annotations

import difflib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.works_with.history import Compare, Run
from tests.works_with.project import Project


@pytest.fixture
def package(request: pytest.FixtureRequest) -> str:
    """The folder of the test."""
    return request.path.parent.name


@pytest.fixture
def engines() -> tuple[str, str]:
    """Ours, and what it is compared with; a package with a backend of its own has others."""
    return settings.ENGINE, settings.STOCK_ENGINE


@pytest.fixture
def ours(package: str, engines: tuple[str, str], database: BaseDatabaseWrapper) -> Project:
    return Project(package, engines[0], database)


@pytest.fixture
def stock(package: str, engines: tuple[str, str], stock_database: BaseDatabaseWrapper) -> Project:
    """The same project without our engine."""
    return Project(package, engines[1], stock_database)


@pytest.fixture
def compare(ours: Project, stock: Project, dump: Callable[..., str]) -> Compare:
    """compare(): the two have the same schema and the same rows."""

    def check() -> None:
        here, there = (dump(project.connection).splitlines() for project in (ours, stock))
        assert here == there, "\n".join(difflib.unified_diff(there, here, "stock", "ours", lineterm="", n=0))
        assert ours.rows() == stock.rows()

    return check


@pytest.fixture
def both(ours: Project, stock: Project) -> Run:
    """both(*arguments): run a management command in both projects. :returns: what stock and ours say."""

    def run(*arguments: str) -> list[str]:
        with ThreadPoolExecutor() as at_once:
            return list(at_once.map(lambda project: project.manage(*arguments), (stock, ours)))

    return run
