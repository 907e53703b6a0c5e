"""The cost of the journal when there is nothing to skip."""

from __future__ import annotations

import re

import pytest

from .copies import copy_of
from .points import is_question
from .project import Faults
from .scenarios import SCENARIOS
from .scenarios.scenario import Scenario
from .templates import migrate, succeeded, template

pytestmark = pytest.mark.slow

OFF = {"IDEMPOTENT_SQL": False}
#: Round trips in each run: where, the lock, a lease of others, and back (4); is the database new, is there a journal
#: (2); has another run done what this one is about to do (2).
OF_A_RUN = 8
#: Round trips in a run that writes a journal: drop its row, look for the last one, drop the table, COMMIT.
OF_CLEARING = 4
#: Round trips for each migration: which one it is.
OF_A_MIGRATION = 1
#: Statements of Django's own record, and statements around a step that belong to it.
_NO_STEP = re.compile(r'(INSERT INTO|DELETE FROM) "django_migrations"|COMMIT|SELECT set_config|.*journal', re.DOTALL)


def sent(faults: Faults, scenario: Scenario, database: str) -> list[str]:
    with copy_of(database) as name:
        return succeeded(migrate(faults, scenario, name)).sent


def steps(statements: list[str]) -> int:
    return len([sql for sql in statements if not is_question(sql) and not _NO_STEP.match(sql)])


@pytest.mark.parametrize(
    "name",
    [
        "add_field/null",
        "add_field/unique_char",
        "alter_field/null_to_not_null_with_default",
        "alter_field/foreign_key_to_one_to_one",
        "add_index/plain",
        "remove_field/foreign_key",
        "rename_field/positive",
        "chain/several",
        "chain/one_to_one_and_rename",
        "partitioned/index",
    ],
)
def test_at_most_one_more_for_each_step(name: str, faults: Faults) -> None:
    scenario = SCENARIOS[name]
    with template(scenario, faults) as database:
        on = sent(faults, scenario, database)
        off = sent(faults, scenario._replace(settings={**scenario.settings, **OFF}), database)
    assert len(on) - len(off) <= steps(off) + OF_A_RUN + OF_CLEARING + OF_A_MIGRATION


def test_a_run_with_nothing_to_do_has_the_turn_and_a_look_for_the_journal(faults: Faults) -> None:
    scenario = SCENARIOS["add_field/null"]
    with template(scenario, faults) as database:
        succeeded(migrate(faults, scenario, database))
        on = succeeded(migrate(faults, scenario, database)).sent
        off = succeeded(migrate(faults, scenario._replace(settings=OFF), database)).sent
    assert len(on) - len(off) <= OF_A_RUN
