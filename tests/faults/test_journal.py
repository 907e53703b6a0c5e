"""The use of the journal when the second run is not simply the first one again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from tests import databases
from tests.backends.sessions import Beside, run, wait_until
from tests.operations.case import APP

from .copies import copy_of, outcome, schema
from .project import Faults, Run, started
from .recovery import JOURNAL, difference
from .scenarios import SCENARIOS
from .scenarios.journal import CHANGED_FIRST, CHANGED_LAST, LONGER, ONE, OTHER_THIRD, SHORTER, THIRD, UNIQUE, WRITTEN
from .scenarios.scenario import BEFORE, CHANGE, Scenario
from .templates import migrate, succeeded, template

pytestmark = pytest.mark.slow

# The journal has the text of the statement as well.
INDEX = "^CREATE INDEX"
ADD = "ADD COLUMN"
OF_DATABASE = "(SELECT oid FROM pg_database WHERE datname = current_database())"
SESSIONS = "(SELECT * FROM pg_stat_activity WHERE datname = current_database()) AS sessions"


class Place:
    """A database in which migrations are interrupted."""

    def __init__(self, faults: Faults, name: str) -> None:
        self.faults = faults
        self.name = name

    def migrate(self, scenario: Scenario, *arguments: str, database: str = "", **fault: Any) -> Run:
        return migrate(self.faults, scenario, database or self.name, *(arguments or (APP,)), **fault)

    def interrupted(self, scenario: Scenario, *arguments: str, **fault: Any) -> None:
        """Interrupt the run.

        :param fault: by default the process is killed when the index is there.
        """
        assert self.migrate(scenario, *arguments, **(fault or {"sql": INDEX, "when": "after"})).status < 0

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        with closing(databases.open_session(self.name, autocommit=True)) as session:
            return run(session, sql)

    @property
    def has_journal(self) -> bool:
        return bool(self.run(f"SELECT 1 FROM pg_type WHERE typname LIKE '{JOURNAL}%'"))

    def finished_as(self, scenario: Scenario, template_name: str) -> None:
        """Assert that the end is the one of an uninterrupted run of these migrations."""
        with copy_of(template_name) as other:
            succeeded(self.migrate(scenario, database=other))
            expected = outcome(other)
        found = outcome(self.name)
        assert found == expected, difference(expected, found)


@pytest.fixture
def fresh(faults: Faults) -> Iterator[str]:
    """The tables of these scenarios, which all have the same."""
    with template(WRITTEN, faults) as name:
        yield name


@pytest.fixture
def place(faults: Faults, fresh: str) -> Iterator[Place]:
    with copy_of(fresh) as name:
        yield Place(faults, name)


# Another migration than the one that was interrupted


@pytest.mark.parametrize("changed", [CHANGED_FIRST, SHORTER], ids=str)
def test_changed_operation_that_had_begun_is_refused(place: Place, fresh: str, changed: Scenario) -> None:
    place.interrupted(WRITTEN)
    before = schema(place.name)
    refused = place.migrate(changed)
    assert refused.status == 1
    assert "app.0002_change was interrupted at" in refused.said
    assert "have been changed since" in refused.said
    assert schema(place.name) == before
    succeeded(place.migrate(WRITTEN))
    place.finished_as(WRITTEN, fresh)


@pytest.mark.parametrize("changed", [CHANGED_LAST, LONGER], ids=str)
def test_changed_operation_that_had_not_begun_is_fine(place: Place, fresh: str, changed: Scenario) -> None:
    place.interrupted(WRITTEN)
    succeeded(place.migrate(changed))
    place.finished_as(changed, fresh)


def test_the_error_names_the_operation_that_has_changed(place: Place) -> None:
    place.interrupted(WRITTEN)
    assert "up to number 2, and have been changed since (1, 2)" in place.migrate(CHANGED_FIRST).said


def test_what_the_error_says_is_the_way_out(place: Place) -> None:
    place.interrupted(WRITTEN)
    said = place.migrate(CHANGED_FIRST).said
    forget = said[said.index("DROP TYPE") : said.index(". Nothing was changed")]
    place.run(forget)
    place.run("ALTER TABLE app_thing DROP COLUMN b CASCADE")
    succeeded(place.migrate(CHANGED_FIRST, APP, CHANGE))


def test_another_app_is_migrated_with_a_warning(place: Place, fresh: str) -> None:
    place.interrupted(WRITTEN)
    another = succeeded(place.migrate(WRITTEN, "other"))
    assert "app.0002_change was interrupted at" in another.said
    assert "is not part of this run" in another.said
    succeeded(place.migrate(WRITTEN, "other", "zero"))
    succeeded(place.migrate(WRITTEN))
    place.finished_as(WRITTEN, fresh)


def test_another_migration_of_the_app_is_refused(place: Place, fresh: str) -> None:
    place.interrupted(WRITTEN, sql='ADD COLUMN "d"', when="after")
    before = schema(place.name)
    refused = place.migrate(OTHER_THIRD)
    assert refused.status == 1
    assert "app.0003_third was interrupted at" in refused.said
    assert "Finish it first: migrate app 0003_third" in refused.said
    assert schema(place.name) == before
    succeeded(place.migrate(WRITTEN))
    place.finished_as(WRITTEN, fresh)


def test_backwards_is_refused_while_forwards_is_interrupted(place: Place, fresh: str) -> None:
    place.interrupted(WRITTEN, sql='ADD COLUMN "d"', when="after")
    before = schema(place.name)
    refused = place.migrate(WRITTEN, APP, BEFORE)
    assert refused.status == 1
    assert "app.0003_third was interrupted at" in refused.said
    assert schema(place.name) == before
    succeeded(place.migrate(WRITTEN))
    place.finished_as(WRITTEN, fresh)


def test_forwards_is_refused_while_backwards_is_interrupted(place: Place) -> None:
    succeeded(place.migrate(WRITTEN, APP, CHANGE))
    place.interrupted(WRITTEN, APP, BEFORE, sql="^DROP INDEX", when="after")
    before = schema(place.name)
    refused = place.migrate(WRITTEN)
    assert refused.status == 1
    assert "app.0002_change (backwards) was interrupted at" in refused.said
    assert schema(place.name) == before
    succeeded(place.migrate(WRITTEN, APP, BEFORE))
    assert not place.has_journal


# The end of a journal


def test_fake_forgets_what_was_interrupted(place: Place) -> None:
    place.interrupted(WRITTEN)
    succeeded(place.migrate(WRITTEN, APP, CHANGE, "--fake"))
    assert not place.has_journal
    assert place.run("SELECT name FROM django_migrations WHERE app = 'app' ORDER BY id")[-1] == (CHANGE,)


def test_fake_of_another_app_forgets_nothing(place: Place) -> None:
    place.interrupted(WRITTEN)
    succeeded(place.migrate(WRITTEN, "other", "--fake"))
    assert place.has_journal


@pytest.mark.parametrize(
    ("on", "text", "said"),
    [
        ("TYPE {}", None, "a journal of IDEMPOTENT_SQL that cannot be read"),
        ("TYPE {}", "{", "a journal of IDEMPOTENT_SQL that cannot be read"),
        ("TYPE {}", '{"format": 3}', "has format 3; this version of the package reads 1 and 2"),
        ("COLUMN {}.progress", None, "a journal of IDEMPOTENT_SQL that cannot be read"),
        ("COLUMN {}.log0", '[["0.0 add_field"]]', "a journal of IDEMPOTENT_SQL that cannot be read"),
        ("COLUMN {}.steps", '[{"another": "shape"}]', "The journal of app.0002_change cannot be read"),
    ],
)
def test_journal_that_is_not_understood_stops_the_run(
    place: Place, fresh: str, on: str, text: str | None, said: str
) -> None:
    place.interrupted(WRITTEN, sql=INDEX, when="during")
    name = place.run(f"SELECT oid::regtype::text FROM pg_type WHERE typname LIKE '{JOURNAL}%'")[0][0]
    kind, _, rest = on.format(name).partition(" ")
    was = place.run(
        f"SELECT obj_description('{name}'::regtype, 'pg_type')"
        if kind == "TYPE"
        else "SELECT col_description(attrelid, attnum) FROM pg_attribute "
        f"WHERE attrelid = '{name}'::regclass AND attname = '{rest.rpartition('.')[2]}'"
    )[0][0]
    write(place.name, on.format(name), text)
    before = schema(place.name)
    refused = place.migrate(WRITTEN)
    assert refused.status == 1
    assert said in refused.said
    assert schema(place.name) == before
    write(place.name, on.format(name), was)
    succeeded(place.migrate(WRITTEN))
    place.finished_as(WRITTEN, fresh)


def write(database: str, on: str, text: str | None) -> None:
    """Write a comment, which only the owner of its object can do."""
    with closing(databases.open_session(database, autocommit=True)) as session:
        literal = "NULL" if text is None else run(session, "SELECT quote_literal(%s::text)", text)[0][0]
        run(session, f"COMMENT ON {on} IS {literal}")


def test_there_is_no_journal_without_the_setting(place: Place) -> None:
    off = {"IDEMPOTENT_SQL": False}
    killed = migrate(place.faults, WRITTEN._replace(settings=off), place.name, sql=INDEX, when="after")
    assert killed.status < 0
    assert not place.has_journal
    with closing(databases.open_session(place.name, autocommit=True)) as session:
        run(session, "DROP INDEX by_b; ALTER TABLE app_thing DROP COLUMN b")
    whole = succeeded(migrate(place.faults, WRITTEN._replace(settings=off), place.name))
    assert [sql for sql in whole.sent if JOURNAL in sql or "advisory" in sql] == []


# Two at a time


@pytest.fixture
def second(faults: Faults, place: Place) -> Iterator[Place]:
    """Open the same database in another process."""
    with started() as another:
        yield Place(another, place.name)


class Holding:
    """A session whose open transaction is in the way."""

    def __init__(self, name: str, cleanup: ExitStack) -> None:
        self.session = cleanup.enter_context(closing(databases.open_session(name)))
        self.observer = cleanup.enter_context(closing(databases.open_session(name, autocommit=True)))

    def hold(self, sql: str = "LOCK TABLE app_thing IN ROW EXCLUSIVE MODE") -> None:
        run(self.session, sql)

    def let_go(self) -> None:
        self.session.rollback()

    def somebody_has_the_turn(self) -> int:
        """Return the server process of a session that has the turn."""
        turn = f"SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = {OF_DATABASE}"
        return int(wait_until(lambda: run(self.observer, turn), "a migrate that has the turn")[0][0])

    def somebody_waits(self, sql: str) -> None:
        waits = f"SELECT 1 FROM {SESSIONS} WHERE wait_event_type = 'Lock' AND query LIKE '%{sql}%'"
        wait_until(lambda: run(self.observer, waits), f"waiting: {sql}")

    def somebody_asks_for_the_turn(self, holder: int) -> None:
        asks = "(query LIKE '%pg_try_advisory_lock%' OR query LIKE '%objsubid = 2%')"
        others = f"SELECT 1 FROM {SESSIONS} WHERE {asks} AND pid NOT IN ({holder}, pg_backend_pid())"
        wait_until(lambda: run(self.observer, others), "a migrate that waits for its turn")


@pytest.fixture
def holding(place: Place) -> Iterator[Holding]:
    with ExitStack() as cleanup:
        yield Holding(place.name, cleanup)


def test_the_second_waits_and_finds_everything_done(place: Place, second: Place, fresh: str, holding: Holding) -> None:
    holding.hold()
    with Beside(lambda: place.migrate(WRITTEN)) as first:
        holder = holding.somebody_has_the_turn()
        with Beside(lambda: second.migrate(WRITTEN)) as another:
            holding.somebody_asks_for_the_turn(holder)
            holding.let_go()
            succeeded(first.result())
            waited = succeeded(another.result())
    assert "Another migrate is at work in the database" in waited.said
    assert "Another migrate has done everything meanwhile" in waited.said
    place.finished_as(WRITTEN, fresh)


def test_without_patience_the_second_fails_and_names_the_first(
    place: Place, second: Place, fresh: str, holding: Holding
) -> None:
    holding.hold()
    with Beside(lambda: place.migrate(WRITTEN)) as first:
        holder = holding.somebody_has_the_turn()
        at_once = WRITTEN._replace(settings={"MIGRATE_LOCK_TIMEOUT": 0})
        refused = migrate(second.faults, at_once, second.name)
        holding.let_go()
        succeeded(first.result())
    assert refused.status == 1
    assert f"SELECT pg_terminate_backend({holder})" in refused.said
    place.finished_as(WRITTEN, fresh)


def test_what_the_server_does_for_a_client_that_is_dead_is_not_done_twice(
    place: Place, second: Place, fresh: str, holding: Holding
) -> None:
    patient = ONE._replace(settings={"LOCK_TIMEOUT": None, "LOCK_RETRY_TIMEOUT": None, "STATEMENT_TIMEOUT": None})
    holding.hold()
    assert migrate(place.faults, patient, place.name, sql=ADD, when="during").status < 0
    holding.somebody_waits(ADD)
    holder = holding.somebody_has_the_turn()
    with Beside(lambda: second.migrate(ONE)) as again:
        holding.somebody_asks_for_the_turn(holder)
        holding.let_go()
        finished = succeeded(again.result())
    # The statement is sent on the empty copies only, with which the definition is compared.
    assert not [sql for sql in finished.sent if 'ADD COLUMN "b"' in sql and "pg_temp" not in sql]
    place.finished_as(ONE, fresh)


def test_failed_migration_can_be_changed(place: Place) -> None:
    """Its data was not right, nothing of it is left, and the journal is not in the way of another idea."""
    place.run("UPDATE app_thing SET name = 'same'")
    assert place.migrate(UNIQUE).status == 1
    assert not place.has_journal
    succeeded(place.migrate(WRITTEN, APP, THIRD))


@pytest.mark.parametrize("name", ["chain/squashed", "chain/squashed_not_atomic", "code/squashed", "new/squashed"])
def test_what_a_squashed_migration_replaces_is_recorded_as_a_whole(faults: Faults, name: str) -> None:
    """The run would have another plan between two records."""
    squashed = SCENARIOS[name]
    with template(squashed, faults) as database:
        place = Place(faults, database)
        succeeded(place.migrate(squashed))
        replaced = place.run("SELECT xmin::text FROM django_migrations WHERE name IN ('0002_change', '0003_more')")
    assert len(replaced) == 2
    assert len(set(replaced)) == 1
