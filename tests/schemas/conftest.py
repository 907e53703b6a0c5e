"""Tables in schema ``b`` of a database that has the same names in other schemas."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from tests import databases

from . import runs
from .cases import Case
from .situations import Situation


@pytest.fixture(scope="session")
def template(django_db_blocker: Any) -> Iterator[str]:
    with django_db_blocker.unblock(), runs.template() as name:
        yield name


@pytest.fixture(scope="session")
def truth_of(template: str, django_db_blocker: Any) -> Callable[[Case], runs.Truth]:
    """truth_of(case): the answer of stock Django, asked for once."""
    known: dict[str, runs.Truth] = {}

    def of(case: Case) -> runs.Truth:
        if case.name not in known:
            with django_db_blocker.unblock():
                known[case.name] = runs.truth(case, template)
        return known[case.name]

    return of


@pytest.fixture
def make_database(template: str, django_db_blocker: Any) -> Iterator[Callable[..., BaseDatabaseWrapper]]:
    """make_database(situation, names, …): a copy of the tables, with namesakes if there are names to be had; options
    as in `runs.connected`.
    """
    with ExitStack() as cleanup, django_db_blocker.unblock():

        def make(situation: Situation, names: Any = None, **options: Any) -> BaseDatabaseWrapper:
            name = cleanup.enter_context(databases.fresh_database(template))
            connection = cleanup.enter_context(runs.connected(name, situation.search_path, **options))
            if names is not None:
                runs.add_namesakes(connection, names, situation)
            return connection

        yield make
