"""Databases in whose ``public`` schema a role without any other right has created what it could."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests import databases
from tests.backends.fixtures import shop, site
from tests.backends.sessions import run

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
    with django_db_blocker.unblock(), databases.fresh_database() as name:
        # The database must not have sessions while it is copied.
        with closing(databases.open_session(name, autocommit=True)) as session:
            run(session, "GRANT CREATE ON SCHEMA public TO PUBLIC")
            run(session, f"SET ROLE {hostile_role}")
            run(session, hostile.overloads("public"))
        yield name


@pytest.fixture(scope="session")
def attacked_name(hostile_template: str, django_db_blocker: Any) -> Iterator[str]:
    """Another one, in which Django's own questions call nothing of it."""
    with django_db_blocker.unblock(), databases.fresh_database(hostile_template) as name:
        with closing(databases.open_session(name, autocommit=True)) as session:
            run(session, hostile.without_those_of_django("public"))
        yield name
