"""The scenarios, by name."""

from __future__ import annotations

from tests.operations.cases import CASES

from . import backfills, bad_data, chains, code, contracting, journal, new, partitioned, repairs, rewrites, type_changes
from .scenario import Scenario, back, of_case

#: Scenarios that are interrupted at every point, in every run of the tests, as far as it is their turn.
OWN = [
    *rewrites.SCENARIOS,
    *chains.SCENARIOS,
    *code.SCENARIOS,
    *new.SCENARIOS,
    *partitioned.SCENARIOS,
    *backfills.SCENARIOS,
    *contracting.SCENARIOS,
    *type_changes.SCENARIOS,
]
_OWN = {scenario.name for scenario in OWN}
# Each process makes a tablespace of its own.
_CASES = [of_case(case) for case in CASES if "tablespace" not in case.name]
_ALL = [*_CASES, *(back(scenario) for scenario in _CASES if scenario.case.reversible)]
#: All operations of tests/operations, there and back.
OPERATIONS = [scenario for scenario in _ALL if scenario.name not in _OWN]
_OTHERS = [
    *contracting.WITHOUT_A_JOURNAL,
    *code.NOT_ATOMIC,
    *bad_data.SCENARIOS,
    *journal.SCENARIOS,
    *repairs.SCENARIOS,
]
SCENARIOS: dict[str, Scenario] = {scenario.name: scenario for scenario in (*OWN, *OPERATIONS, *_OTHERS)}
