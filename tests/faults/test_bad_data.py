"""Rows that stop a migration: it says which, leaves nothing behind, and goes on when they are repaired."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import partial
from typing import Any

import pytest
from django.conf import settings

from tests import databases
from tests.backends.sessions import run

from .copies import Outcome, copy_of, outcome, schema
from .project import Faults, Run
from .recovery import JOURNAL, difference
from .scenarios.bad_data import CASES, NOT_NULL, Bad
from .templates import migrate, succeeded, template


class Broken:
    """A database with bad rows."""

    def __init__(self, bad: Bad, faults: Faults, name: str) -> None:
        self.bad = bad
        self.name = name
        self.migrate: Callable[..., Run] = partial(migrate, faults, bad.scenario)

    def run(self, sql: str, database: str = "") -> list[tuple[Any, ...]]:
        with closing(databases.open_session(database or self.name, autocommit=True)) as session:
            return run(session, sql)

    def repaired_with_stock(self) -> Outcome:
        """Return what stock Django makes of good rows."""
        with copy_of(self.name) as other:
            self.run(self.bad.repaired, other)
            succeeded(self.migrate(other, engine=settings.STOCK_ENGINE))
            return outcome(other)


@pytest.fixture
def breaking(faults: Faults) -> Iterator[Callable[[Bad], Broken]]:
    """breaking(bad) is a database with its rows."""
    with ExitStack() as cleanup:

        def make(bad: Bad) -> Broken:
            broken = Broken(bad, faults, cleanup.enter_context(template(bad.scenario, faults)))
            broken.run(bad.broken)
            return broken

        yield make


@pytest.mark.parametrize("bad", CASES, ids=str)
def test_error_names_the_rows_and_repaired_they_are_migrated(bad: Bad, breaking: Callable[[Bad], Broken]) -> None:
    broken = breaking(bad)
    expected = broken.repaired_with_stock()
    failed = broken.migrate(broken.name)
    assert failed.status == 1
    assert re.search(bad.said, failed.said), failed.said
    assert not failed.left
    broken.run(bad.repaired)
    succeeded(broken.migrate(broken.name))
    found = outcome(broken.name)
    assert found == expected, difference(expected, found)


@pytest.mark.parametrize("bad", [bad for bad in CASES if len(bad.scenario.case.operations) == 1], ids=str)
def test_nothing_is_left_of_what_has_failed(bad: Bad, breaking: Callable[[Bad], Broken]) -> None:
    broken = breaking(bad)
    before = schema(broken.name)
    assert broken.migrate(broken.name).status == 1
    assert schema(broken.name).splitlines() == before.splitlines()


@pytest.mark.parametrize("bad", [bad for bad in CASES if len(bad.scenario.case.operations) > 1], ids=str)
def test_it_fails_as_often_as_it_is_run_and_does_nothing_twice(bad: Bad, breaking: Callable[[Bad], Broken]) -> None:
    broken = breaking(bad)
    assert broken.migrate(broken.name).status == 1
    before = without_times(schema(broken.name))
    again = broken.migrate(broken.name)
    assert re.search(bad.said, again.said), again.said
    assert without_times(schema(broken.name)) == before


def test_old_code_can_insert_null_again(breaking: Callable[[Bad], Broken]) -> None:
    broken = breaking(NOT_NULL)
    assert broken.migrate(broken.name).status == 1
    broken.run("INSERT INTO app_thing (a, b, parent_id, number_id) VALUES (NULL, 1, 1, 1)")


def test_the_journal_goes_with_the_last_migration(breaking: Callable[[Bad], Broken]) -> None:
    broken = breaking(CASES[0])
    assert broken.migrate(broken.name).status == 1
    broken.run(CASES[0].repaired)
    succeeded(broken.migrate(broken.name))
    assert broken.run(f"SELECT to_regclass('{JOURNAL}')") == [(None,)]


def without_times(text: str) -> str:
    """Remove the times at which the journal was written."""
    return re.sub(r'"since":"[^"]*"', "", text)
