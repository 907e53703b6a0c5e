"""A run that is killed at any point is completed by the next run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import example.shop.migrations
from tests import databases

from .copies import Outcome
from .points import ALL
from .project import Faults, Run, started
from .recovery import Tried, interrupt_everywhere, record
from .scenarios import OPERATIONS, OWN
from .scenarios.code import NOT_ATOMIC
from .scenarios.scenario import Scenario
from .templates import migrate, succeeded, template

EXAMPLE = sorted(x.stem for x in Path(example.shop.migrations.__file__).parent.glob("0*.py"))
Record = Callable[[str, Any], None]


def assert_recovered(tried: Tried, record_property: Record) -> None:
    record(tried, record_property)
    assert tried.interrupted
    assert not tried.failures, "\n\n".join(map(str, tried.failures))


def interrupt(scenario: Scenario, faults: Faults, **more: Any) -> Tried:
    with template(scenario, faults) as database:
        run = partial(migrate, faults, scenario)
        return interrupt_everywhere(database, run, scenario.name, hidden=scenario.case.random, **more)


@pytest.mark.parametrize("scenario", [*OWN, *(OPERATIONS if ALL else ())], ids=str)
def test_second_run_finishes_what_the_first_has_begun(
    scenario: Scenario, faults: Faults, record_property: Record
) -> None:
    assert_recovered(interrupt(scenario, faults), record_property)


def once(found: Outcome) -> Outcome:
    return found._replace(rows={table: sorted(set(rows)) for table, rows in found.rows.items()})


@pytest.mark.parametrize("scenario", NOT_ATOMIC, ids=str)
def test_code_without_a_transaction_runs_at_least_once(
    scenario: Scenario, faults: Faults, record_property: Record
) -> None:
    assert_recovered(interrupt(scenario, faults, view=once), record_property)


class Example:
    """The example project, migrated as far as the test wants it."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self._database = ExitStack()
        self._reached: str | None = None
        self._name = ""

    def before(self, migration: str) -> str:
        """Make a database with all migrations but this one and those after it."""
        wanted = ([None, *EXAMPLE])[EXAMPLE.index(migration)]
        if not self._name or (self._reached or "") > (wanted or ""):
            self.close()
            self._name = self._database.enter_context(databases.fresh_database())
        if wanted and wanted != self._reached:
            succeeded(self.migrate(wanted, self._name))
        self._reached = wanted
        return self._name

    def migrate(self, migration: str, database: str, **fault: Any) -> Run:
        return self.faults.migrate(database, "shop", migration, **fault)

    def close(self) -> None:
        self._database.close()


@pytest.fixture(scope="module")
def shop() -> Iterator[Example]:
    with started("tests.faults.example_settings") as faults:
        made = Example(faults)
        yield made
        made.close()


@pytest.mark.parametrize("migration", EXAMPLE)
def test_example(migration: str, shop: Example, record_property: Record) -> None:
    run = partial(shop.migrate, migration)
    assert_recovered(interrupt_everywhere(shop.before(migration), run, migration), record_property)
