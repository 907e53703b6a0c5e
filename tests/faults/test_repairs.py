"""The database is repaired by hand between an interrupted run and the next one: what the journal says was done is
believed only if the catalogue agrees.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.db import connections
from django.db.migrations.state import ProjectState

from tests import databases
from tests.operations.case import APP

from .copies import copy_of, outcome, schema
from .project import Faults
from .recovery import JOURNAL, difference
from .scenarios.repairs import CHANGED_BY_SQL, KINDS, OF_AND_BACK, OF_KINDS, STOP, TWO, TWO_WITH_CODE
from .scenarios.scenario import Scenario
from .templates import migrate, succeeded, template
from .test_journal import Place

pytestmark = pytest.mark.slow


@contextmanager
def stopped(faults: Faults, scenario: Scenario) -> Iterator[tuple[str, Place]]:
    """Make the database before, and a copy in which the run was killed at ``STOP``."""
    with template(scenario, faults) as before, copy_of(before) as name:
        place = Place(faults, name)
        place.interrupted(scenario, sql=re.escape(STOP), when="before")
        yield before, place


def take_back_by_hand(scenario: Scenario, database: str) -> None:
    """Take it back with the SQL of stock Django, and without a word to the journal."""
    parameters = copy.deepcopy(connections.settings["default"])
    parameters |= {"ENGINE": settings.STOCK_ENGINE, "NAME": database}
    before, change, *_ = scenario.migrations()
    with databases.registered(f"by_hand_{database}", parameters) as connection:
        state = before.mutate_state(ProjectState(), preserve=True)
        with connection.schema_editor() as editor:
            change.unapply(state, editor)


@pytest.mark.parametrize("scenario", OF_KINDS, ids=list(KINDS))
def test_what_was_taken_back_by_hand_is_done_again(scenario: Scenario, faults: Faults) -> None:
    with stopped(faults, scenario) as (before, place):
        take_back_by_hand(scenario, place.name)
        again = succeeded(place.migrate(scenario))
        expected = uninterrupted(faults, scenario, before, by_hand_too=True)
        found = outcome(place.name)
    assert found == expected, f"{difference(expected, found)}\n{again.said}"


@pytest.mark.parametrize("scenario", [*OF_KINDS, *OF_AND_BACK], ids=str)
def test_what_is_there_is_not_done_again(scenario: Scenario, faults: Faults) -> None:
    with stopped(faults, scenario) as (before, place):
        again = succeeded(place.migrate(scenario))
        expected = uninterrupted(faults, scenario, before)
        found = outcome(place.name)
    assert found == expected, difference(expected, found)
    assert "by hand" not in again.said


def uninterrupted(faults: Faults, scenario: Scenario, template_name: str, by_hand_too: bool = False):
    """Make the expected database.

    :param by_hand_too: done, taken back by hand, and done: some columns have moved to the end by that.
    """
    with copy_of(template_name) as name:
        succeeded(migrate(faults, scenario, name))
        if by_hand_too:
            succeeded(migrate(faults, scenario, name, APP, "0001_before", "--fake"))
            take_back_by_hand(scenario, name)
            succeeded(migrate(faults, scenario, name))
        return outcome(name)


# A part of it has been taken back, or changed


def test_a_part_that_is_missing_is_refused_and_named(faults: Faults) -> None:
    with stopped(faults, TWO) as (_, place):
        place.run("ALTER TABLE app_alone DROP COLUMN v")
        there = schema(place.name)
        refused = place.migrate(TWO)
        assert refused.status == 1
        assert 'The column "v" of "app_alone": it is not there' in refused.said
        assert 'The column "u"' not in refused.said
        assert schema(place.name) == there


def test_what_the_refusal_prints_puts_it_back(faults: Faults) -> None:
    with stopped(faults, TWO) as (before, place):
        place.run("ALTER TABLE app_alone DROP COLUMN v")
        said = place.migrate(TWO).said
        for sql in re.findall(r"had sent (.*)", said):
            place.run(sql.replace("CONCURRENTLY ", ""))
        succeeded(place.migrate(TWO))
        expected = uninterrupted(faults, TWO, before)
        found = outcome(place.name)
    assert found == expected, difference(expected, found)


def test_the_interrupted_run_can_be_forgotten(faults: Faults) -> None:
    with stopped(faults, TWO) as (before, place):
        place.run("ALTER TABLE app_alone DROP COLUMN v")
        said = place.migrate(TWO).said
        forget = re.search(r"\((DROP TYPE .*?)\)", said)
        assert forget
        place.run(forget[1])
        succeeded(place.migrate(TWO))
        expected = uninterrupted(faults, TWO, before)
        found = outcome(place.name)
    assert found == expected, difference(expected, found)


def test_a_table_of_a_run_that_was_forgotten_is_compared_where_the_setting_says_so(faults: Faults) -> None:
    scenario = OF_KINDS[list(KINDS).index("create_model")]
    with stopped(faults, scenario) as (before, place):
        forget_all(place)
        refused = place.migrate(scenario)
        assert refused.status and "already exists" in refused.said
        assert "set IDEMPOTENT_SQL to True and run it again" in refused.said
        succeeded(place.migrate(scenario._replace(settings={"IDEMPOTENT_SQL": True})))
        expected = uninterrupted(faults, scenario, before)
        found = outcome(place.name)
    assert found == expected, difference(expected, found)


def forget_all(place: Place) -> None:
    for (name,) in place.run(f"SELECT oid::regtype::text FROM pg_type WHERE typname LIKE '{JOURNAL}%'"):
        place.run(f"DROP TYPE {name}")


@pytest.mark.parametrize(
    ("by_hand", "named"),
    [
        ("ALTER TABLE app_thing ALTER COLUMN u TYPE bigint", "it is bigint"),
        ("ALTER TABLE app_thing ALTER COLUMN u SET NOT NULL", "it is integer NOT NULL"),
        ("ALTER TABLE app_alone DROP CONSTRAINT app_alone_v_key", "app_alone_v_key"),
        ("ALTER TABLE app_alone ALTER COLUMN v TYPE varchar(5)", "it is character varying(5)"),
        ("ALTER TABLE app_thing RENAME COLUMN u TO w", 'The column "u" of "app_thing": it is not there'),
        ("ALTER TABLE app_thing RENAME TO app_other", '"app_thing"'),
    ],
)
def test_what_has_another_definition_is_refused_with_both(faults: Faults, by_hand: str, named: str) -> None:
    with stopped(faults, TWO) as (_, place):
        place.run("UPDATE app_thing SET u = 1")
        place.run("UPDATE app_alone SET v = left(v, 5)")
        if named is None:
            name = place.run("SELECT indexname FROM pg_indexes WHERE indexname LIKE 'app_alone_v%_like'")[0][0]
            by_hand, named = f"DROP INDEX {name}", name
        place.run(by_hand)
        there = schema(place.name)
        refused = place.migrate(TWO)
        assert refused.status == 1, refused.said
        assert named in refused.said, refused.said
        assert "has been changed by hand since" in refused.said
        assert schema(place.name) == there


def test_code_that_has_run_cannot_be_found_in_the_catalogue(faults: Faults) -> None:
    """The rows may have been put back as well, or not: the migration does not begin from its start."""
    with stopped(faults, TWO_WITH_CODE) as (_, place):
        place.run("ALTER TABLE app_thing DROP COLUMN u")
        refused = place.migrate(TWO_WITH_CODE)
    assert refused.status == 1
    assert 'The column "u" of "app_thing": it is not there' in refused.said


def test_own_sql_may_have_changed_what_an_operation_made(faults: Faults) -> None:
    with stopped(faults, CHANGED_BY_SQL) as (before, place):
        succeeded(place.migrate(CHANGED_BY_SQL))
        expected = uninterrupted(faults, CHANGED_BY_SQL, before)
        found = outcome(place.name)
    assert found == expected, difference(expected, found)


def test_the_step_that_nobody_saw_the_end_of_is_done_again(faults: Faults) -> None:
    """The step is the last one before the stop, and its mark would have been written with the next."""
    with stopped(faults, TWO) as (before, place):
        name = place.run("SELECT indexname FROM pg_indexes WHERE indexname LIKE 'app_alone_v%_like'")[0][0]
        place.run(f"DROP INDEX {name}")
        succeeded(place.migrate(TWO))
        expected = uninterrupted(faults, TWO, before)
        found = outcome(place.name)
    assert found == expected, difference(expected, found)
