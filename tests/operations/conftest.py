"""One case after the other: what has been asked of a server for it serves all tests of the case."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests import databases

from .case import TABLESPACE, Case
from .cases import CASES
from .runs import Runs, runs_of


@pytest.fixture(scope="session")
def tablespace(django_db_blocker: Any) -> Iterator[None]:
    """A tablespace inside the server's data directory."""
    with closing(databases.open_session(autocommit=True)) as session, session.cursor() as cursor:
        cursor.execute("SET allow_in_place_tablespaces = on")
        cursor.execute(f"CREATE TABLESPACE {TABLESPACE} LOCATION ''")
        yield
        cursor.execute(f"DROP TABLESPACE {TABLESPACE}")


@pytest.fixture(scope="module", params=CASES, ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    made: Case = request.param
    return made


@pytest.fixture(scope="module")
def runs(case: Case, tablespace: None, django_db_blocker: Any) -> Iterator[Runs]:
    with django_db_blocker.unblock(), runs_of(case) as made:
        yield made
