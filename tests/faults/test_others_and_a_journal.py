"""Acts of other roles on a journal that an interrupted run has left, or around it."""

from __future__ import annotations

import re

import pytest

from .copies import schema
from .project import Faults
from .recovery import JOURNAL
from .scenarios import SCENARIOS
from .scenarios.journal import UNIQUE, WRITTEN
from .scenarios.scenario import BEFORE, CHANGE, Scenario
from .templates import succeeded, template
from .test_journal import APP, INDEX, Place, fresh, place

pytestmark = pytest.mark.slow

__all__ = ["fresh", "place"]

FORBID = """
CREATE FUNCTION forbid() RETURNS event_trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE 'types are made by the platform team'; END $$;
CREATE EVENT TRIGGER forbid ON ddl_command_start WHEN TAG IN ('CREATE TYPE') EXECUTE FUNCTION forbid()
"""


def test_a_journal_is_not_ignored_where_no_other_can_be_kept(place: Place, fresh: str) -> None:
    """Otherwise the work that the journal lists would be done once more."""
    place.interrupted(WRITTEN)
    place.run(FORBID)
    before = schema(place.name)
    refused = place.migrate(WRITTEN)
    assert "types are made by the platform team" in refused.refused
    assert "An earlier run has left a journal there. Nothing was changed." in refused.refused
    assert schema(place.name) == before
    place.run("DROP EVENT TRIGGER forbid; DROP FUNCTION forbid")
    succeeded(place.migrate(WRITTEN))
    place.finished_as(WRITTEN, fresh)


def test_a_journal_is_not_ignored_where_the_search_path_is_another(place: Place, fresh: str) -> None:
    place.interrupted(WRITTEN)
    place.run("CREATE SCHEMA before")
    before = schema(place.name)
    other = WRITTEN._replace(options={"options": "-c search_path=before,public"})
    refused = place.migrate(other)
    assert 'while the search_path began with the schema "public", where its journal is' in refused.refused
    assert schema(place.name) == before
    # A run that was not interrupted does not matter.
    succeeded(place.migrate(other, "other"))
    succeeded(place.migrate(other, "other", "zero"))
    place.run("DROP SCHEMA before")
    succeeded(place.migrate(WRITTEN))
    place.finished_as(WRITTEN, fresh)


HANGS = "CREATE VIEW hangs AS SELECT NULL::{} IS NULL AS a"


def test_what_somebody_makes_of_a_journal_stops_nothing_but_its_own_migration(place: Place, fresh: str) -> None:
    place.interrupted(WRITTEN)
    [(name,)] = place.run(f"SELECT oid::regtype::text FROM pg_type WHERE typname LIKE '{JOURNAL}%' AND typtype = 'c'")
    place.run(HANGS.format(name))
    assert "could not be cleared" in succeeded(place.migrate(WRITTEN)).said
    assert "view hangs depends on type" in succeeded(place.migrate(WRITTEN)).said
    assert "Until then it does no harm" in succeeded(place.migrate(WRITTEN, "other")).said
    succeeded(place.migrate(WRITTEN, "other", "zero"))
    before = schema(place.name)
    refused = place.migrate(WRITTEN, APP, BEFORE)
    assert "is over, and cannot be dropped (cannot drop type" in refused.refused
    assert "view hangs depends on type" in refused.refused
    assert schema(place.name) == before
    drop = re.search(r"\((DROP TYPE .*?)\), and", refused.refused)
    assert drop
    place.run(drop[1])
    succeeded(place.migrate(WRITTEN, APP, BEFORE))
    assert not place.has_journal


@pytest.mark.parametrize(
    ("scenario", "index", "where", "rest"),
    [
        (WRITTEN, INDEX, "in operation 2 of 3", ""),
        (UNIQUE, "^CREATE UNIQUE INDEX", "in operation 1 of 1", "ADD CONSTR"),
    ],
    ids=["before the last operation", "in the last operation"],
)
def test_a_record_that_somebody_else_has_made_is_said(
    place: Place, scenario: Scenario, index: str, where: str, rest: str
) -> None:
    place.interrupted(scenario, sql=index, when="after")
    place.run(f"INSERT INTO django_migrations (app, name, applied) VALUES ('{APP}', '{CHANGE}', now())")
    said = succeeded(place.migrate(scenario)).said
    assert "app.0002_change is recorded, and its journal says that it was interrupted at" in said
    assert f"{where}: another client has recorded it" in said
    assert rest in said


@pytest.mark.parametrize("name", ["new/code", "code/squashed", "code/between", "chain/several"])
def test_a_run_that_did_not_come_to_drop_its_journals_has_recorded_it_itself(faults: Faults, name: str) -> None:
    scenario = SCENARIOS[name]
    with template(scenario, faults) as database:
        place = Place(faults, database)
        assert place.migrate(scenario, *scenario.arguments, sql="DROP TYPE", when="before").status < 0
        assert place.has_journal
        assert "somebody else" not in succeeded(place.migrate(scenario)).said
        assert not place.has_journal


def test_a_refusal_on_a_new_database_stays_what_it_is(faults: Faults) -> None:
    """Django turns an error that comes while its table of records is made into another one."""
    scenario = SCENARIOS["new/several"]
    with template(scenario, faults) as database:
        place = Place(faults, database)
        place.run(f"CREATE TYPE {JOURNAL}_x AS ENUM ('a')")
        refused = place.migrate(scenario)
        assert "has the name of a journal of IDEMPOTENT_SQL and is not one" in refused.refused
        assert place.run("SELECT to_regclass('django_migrations')") == [(None,)]
        place.run(f"DROP TYPE {JOURNAL}_x")
        succeeded(place.migrate(scenario))
