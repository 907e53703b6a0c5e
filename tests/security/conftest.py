"""Databases in whose ``public`` schema a role without any other right has created what it could."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper

from tests import databases
from tests.backends.fixtures import shop, site
from tests.backends.sessions import run
from tests.operations.runs import connected, new_database

from . import hostile

__all__ = ["shop", "site"]


@pytest.fixture(scope="session")
def hostile_role(django_db_blocker: Any) -> Iterator[str]:
    name = f"hostile_{os.getpid()}"
    with closing(databases.open_session(autocommit=True)) as session:
        run(session, f"CREATE ROLE {name} LOGIN PASSWORD 'tests'")
        yield name
        run(session, f"DROP ROLE {name}")


@pytest.fixture(scope="session")
def hostile_template(hostile_role: str, django_db_blocker: Any) -> Iterator[str]:
    with django_db_blocker.unblock(), new_database() as name:
        with closing(databases.open_session(name, autocommit=True)) as session:
            run(session, "GRANT CREATE ON SCHEMA public TO PUBLIC")
            run(session, f"SET ROLE {hostile_role}")
            run(session, hostile.overloads("public"))
        yield name


@pytest.fixture
def make_attacked(hostile_template: str, django_db_blocker: Any) -> Iterator[Callable[..., BaseDatabaseWrapper]]:
    """make_attacked(setting=…): a connection of ours to a copy of the attacked database."""
    with ExitStack() as cleanup, django_db_blocker.unblock():

        def make(engine: str = settings.ENGINE, **zero_downtime: Any) -> BaseDatabaseWrapper:
            name = cleanup.enter_context(new_database(hostile_template))
            return cleanup.enter_context(connected(engine, name, **zero_downtime))

        yield make


@pytest.fixture
def attacked(make_attacked: Callable[..., BaseDatabaseWrapper]) -> BaseDatabaseWrapper:
    return make_attacked()
