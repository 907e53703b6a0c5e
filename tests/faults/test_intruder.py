"""A run is interrupted at any point, with another role at work in the database: the next run ends as stock Django
would, or is refused with words that tell the way out, and no code of another role runs with the owner's privileges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from tests import databases

from .acts import ACTS, STEPS, spoiling
from .intruder import ADMIN, APPLICATION, CREATOR, GUEST, OWNER, ROLES, Place, hand_over, roles
from .intrusion import Found, Intrusions
from .points import ALL, FAULTS
from .project import Faults
from .scenarios import SCENARIOS
from .scenarios.bad_data import CASES as BAD
from .templates import migrate, template

pytestmark = pytest.mark.slow

#: More than one point of each scenario.
MANY = ALL or int(FAULTS) > 1

NAMES = (
    "add_field/unique_char",
    "add_field/foreign_key_with_default",
    "alter_field/null_to_not_null_with_default",
    "add_index_concurrently/partial",
    "chain/several",
    "chain/new_table_and_another",
    "chain/squashed",
    "code/between",
    "code/sql",
    "partitioned/unique",
    "new/code",
)


@pytest.fixture(scope="module", autouse=True)
def _roles(django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock(), roles():
        yield


#: The cases of bad rows, by the name of the scenario.
SPOILT = {bad.scenario.name: bad for bad in BAD}
SPOILING = [
    "bad/unique",
    "bad/foreign_key",
    "bad/not_null",
    "bad/check",
    "bad/after_more",
    "partitioned/bad/not_null",
    "partitioned/bad/unique",
]


def assert_ended(found: Found, record_property: Callable[[str, Any], None]) -> None:
    record_property("intrusions", found.tried)
    record_property("went on", found.finished)
    record_property("refused and mended", found.refused)
    assert found.tried
    assert not found.failures, "\n\n".join(found.failures)


@pytest.mark.parametrize("name", NAMES)
def test_somebody_else_at_work(name: str, faults: Faults, record_property: Callable[[str, Any], None]) -> None:
    """Each act stands in ``acts.py``. With one point for each scenario, an act meets every fifth of them."""
    acts = ACTS if MANY else ACTS[NAMES.index(name) % 5 :: 5]
    assert_ended(Intrusions(SCENARIOS[name], faults, acts).everywhere(), record_property)


@pytest.mark.parametrize("name", SPOILING if MANY else SPOILING[:3])
def test_rows_spoilt_between_the_runs(name: str, faults: Faults, record_property: Callable[[str, Any], None]) -> None:
    """The error names the rows; once repaired, they are migrated."""
    bad = SPOILT[name]
    assert_ended(Intrusions(bad.scenario, faults, [spoiling(bad)]).everywhere(), record_property)


# The other tests can find what they look for


def test_steps_that_somebody_has_written_would_be_run(faults: Faults) -> None:
    """This would happen if the server let the role write the steps."""
    scenario = SCENARIOS["add_field/unique_char"]
    with template(scenario, faults) as database:
        hand_over(database)
        killed = migrate(faults, scenario, database, user=ROLES[OWNER], sql="^CREATE UNIQUE INDEX", when="after")
        assert killed.happened
        with closing(Place(database, scenario, killed.sent)) as place:
            sql = "COMMENT ON COLUMN {journal}.steps IS " + STEPS
            place.all(ADMIN, sql, place.targets(sql))
            assert place.heard == 0
            migrate(faults, scenario, database, user=ROLES[OWNER])
            assert place.heard > 0


@pytest.mark.parametrize(("who", "heard"), [(OWNER, 1), (ADMIN, 1), (CREATOR, 0), (APPLICATION, 0), (GUEST, 0)])
def test_the_canary_is_heard_with_the_rights_of_the_owner_only(who: str, heard: int) -> None:
    with databases.fresh_database() as name:
        hand_over(name)
        with closing(Place(name, SCENARIOS["code/sql"], [])) as place:
            place.run(who, "BEGIN; SELECT canary.sing(); ROLLBACK")
            assert place.heard == heard
