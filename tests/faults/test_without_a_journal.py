"""The journal is lost with the process: the catalogue's answers have to do, and a question without one is an error."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Any

import pytest
from django.db.migrations.operations import RunSQL

from tests import databases
from tests.backends.sessions import run

from .points import ALL
from .project import Faults
from .recovery import JOURNAL, interrupt_everywhere
from .scenarios import chains, contracting, partitioned, rewrites
from .scenarios.scenario import Scenario
from .templates import migrate, template

pytestmark = pytest.mark.slow


def has_own_sql(scenario: Scenario) -> bool:
    """Return whether it sends own SQL: only a journal tells whether that has run."""
    return any(isinstance(operation, RunSQL) for operation in scenario.case.operations)


def lose_the_journal(database: str) -> None:
    with closing(databases.open_session(database, autocommit=True)) as session:
        for (name,) in run(session, f"SELECT oid::regtype FROM pg_type WHERE typname LIKE '{JOURNAL}%'"):
            run(session, f"DROP TYPE {name}")


SCENARIOS = (*rewrites.SCENARIOS, *chains.SCENARIOS, *partitioned.SCENARIOS)
OWN = [scenario for scenario in SCENARIOS if not has_own_sql(scenario)]


@pytest.mark.parametrize("scenario", [*(OWN if ALL else OWN[::6]), *contracting.WITHOUT_A_JOURNAL], ids=str)
def test_nothing_is_recorded_that_is_not_there(
    scenario: Scenario, faults: Faults, record_property: Callable[[str, Any], None]
) -> None:
    with template(scenario, faults) as database:
        tried = interrupt_everywhere(
            database, partial(migrate, faults, scenario), scenario.name, between=lose_the_journal
        )
    record_property("without a journal", tried.interrupted)
    silent = [failure for failure in tried.failures if failure.silent]
    record_property("refused", len(tried.failures) - len(silent))
    assert silent == [], "\n\n".join(map(str, silent))
