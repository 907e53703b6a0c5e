"""Steps that the server works on for long: cancelled, killed, and left to the server alone."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from typing import Any

import pytest

from servers import launch
from servers.account import choose_account
from tests import databases
from tests.backends.sessions import Beside, run, wait_until

from .copies import copy_of, outcome
from .points import ALL, Point, points
from .project import Faults, Run, started
from .recovery import difference, interrupt_everywhere, record
from .scenarios import SCENARIOS
from .scenarios.journal import OWN_INDEX, UNIQUE, WRITTEN
from .scenarios.scenario import BEFORE, Scenario
from .templates import migrate, succeeded, template

pytestmark = pytest.mark.slow

UNIQUE_BUILD = "CREATE UNIQUE INDEX CONCURRENTLY"
BUILDING = """
SELECT pid FROM pg_stat_progress_create_index WHERE datname = current_database() AND phase LIKE 'waiting for writers%'
"""
INDEXES = "SELECT relname, indisvalid FROM pg_index JOIN pg_class ON oid = indexrelid WHERE relname ~ %s ORDER BY 1"


def cancelled(sent: list[str], name: str) -> list[Point]:
    found = [Point(at, "during", "cancel") for at, when, how in points(sent) if (when, how) == ("during", "kill")]
    return found if ALL else found[::5]


@pytest.mark.parametrize(
    "name", ["chain/several", "alter_field/null_to_not_null_with_default", "partitioned/unique", "code/between"]
)
def test_cancelled_statement(name: str, faults: Faults, record_property: Any) -> None:
    scenario = SCENARIOS[name]
    with template(scenario, faults) as database:
        run = partial(migrate, faults, scenario)
        tried = interrupt_everywhere(database, run, name, hidden=scenario.case.random, choose=cancelled)
    record(tried, record_property)
    assert not tried.failures, "\n\n".join(map(str, tried.failures))


class Building:
    """A database in which an open transaction holds a concurrent build up."""

    def __init__(self, faults: Faults, fresh: str, name: str, cleanup: ExitStack) -> None:
        self.faults = faults
        self.fresh = fresh
        self.name = name
        self.writer = cleanup.enter_context(closing(databases.open_session(name)))
        self.observer = cleanup.enter_context(closing(databases.open_session(name, autocommit=True)))
        run(self.writer, "LOCK TABLE app_thing IN ROW EXCLUSIVE MODE")

    def migrate(self, scenario: Scenario, **fault: Any) -> Run:
        return migrate(self.faults, scenario, self.name, "app", **fault)

    def left_to_the_server(self) -> Run:
        """Kill the client when the build begins, without the server noticing."""
        return self.migrate(UNIQUE, sql=f"^{UNIQUE_BUILD}", when="during", how="kill")

    def ended_by(self, function: str, scenario: Scenario = UNIQUE) -> Run:
        """End the build by this function while it waits for the writer."""
        with Beside(lambda: self.migrate(scenario)) as first:
            run(self.observer, f"SELECT {function}(%s)", self.builder())
            wait_until(lambda: not run(self.observer, BUILDING), "the end of the build")
            # The removal of its remains waits for the writer as well.
            self.let_go()
            return first.result()

    def left_invalid(self) -> None:
        """Kill the client, and then the build itself: its remains are left."""
        assert self.left_to_the_server().status == -signal.SIGKILL
        run(self.observer, "SELECT pg_terminate_backend(%s)", self.builder())
        wait_until(lambda: not run(self.observer, BUILDING), "the end of the build")
        self.let_go()

    def builder(self) -> int:
        return int(wait_until(lambda: run(self.observer, BUILDING), "a build that waits")[0][0])

    def let_go(self) -> None:
        self.writer.rollback()

    def indexes(self, pattern: str) -> list[tuple[str, bool]]:
        return [(name, valid) for name, valid in run(self.observer, INDEXES, pattern)]

    def finished_as(self, scenario: Scenario) -> None:
        with copy_of(self.fresh) as other:
            succeeded(migrate(self.faults, scenario, other, "app"))
            expected = outcome(other)
        found = outcome(self.name)
        assert found == expected, difference(expected, found)


@pytest.fixture
def building(faults: Faults) -> Iterator[Building]:
    with ExitStack() as cleanup:
        fresh = cleanup.enter_context(template(WRITTEN, faults))
        name = cleanup.enter_context(copy_of(fresh))
        sessions = cleanup.enter_context(ExitStack())
        yield Building(faults, fresh, name, sessions)


def test_build_that_goes_on_without_its_client_is_waited_for(building: Building) -> None:
    assert building.left_to_the_server().status == -signal.SIGKILL
    holder = building.builder()
    with started() as another, Beside(lambda: migrate(another, UNIQUE, building.name, "app")) as again:
        wait_until(lambda: len(run(building.observer, sessions(holder))) > 0, "the next migrate")
        building.let_go()
        finished = succeeded(again.result())
    assert not [sql for sql in finished.sent if sql.startswith(UNIQUE_BUILD)]
    building.finished_as(UNIQUE)


def sessions(holder: int) -> str:
    return (
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query ~ 'advisory' "
        f"AND pid NOT IN ({holder}, pg_backend_pid())"
    )


def test_remains_of_a_terminated_build_are_taken_back_on_a_new_connection(building: Building) -> None:
    assert building.ended_by("pg_terminate_backend").status == 1
    assert building.indexes("^app_thing_name") == []
    succeeded(building.migrate(UNIQUE))
    building.finished_as(UNIQUE)


def test_build_that_is_terminated_is_made_anew(building: Building) -> None:
    building.left_invalid()
    assert [valid for _, valid in building.indexes("^app_thing_name")] == [False]
    again = succeeded(building.migrate(UNIQUE))
    assert [sql for sql in again.sent if sql.startswith(UNIQUE_BUILD)]
    building.finished_as(UNIQUE)


def test_index_of_somebodys_own_sql_is_made_anew(building: Building) -> None:
    """IF NOT EXISTS alone would find the INVALID one."""
    assert building.ended_by("pg_terminate_backend", OWN_INDEX).status == 1
    assert building.indexes("^app_thing_name") == [("app_thing_name", False)]
    succeeded(building.migrate(OWN_INDEX))
    building.finished_as(OWN_INDEX)


def test_what_a_reindex_has_left_of_the_index_goes_too(building: Building) -> None:
    building.left_invalid()
    ((name, _),) = building.indexes("^app_thing_name")
    run(building.observer, f'CREATE INDEX "{name}_ccnew" ON app_thing (name)')
    run(building.observer, f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '\"{name}_ccnew\"'::regclass")
    succeeded(building.migrate(UNIQUE))
    building.finished_as(UNIQUE)


def test_build_that_is_cancelled_leaves_nothing(building: Building) -> None:
    assert building.ended_by("pg_cancel_backend").status == 1
    assert building.indexes("^app_thing_name") == []
    succeeded(building.migrate(UNIQUE))
    building.finished_as(UNIQUE)


# The server itself


class Restarted:
    """A server for this test alone, which is stopped as by a crash and started again."""

    def __init__(self) -> None:
        # Committed data has to outlast the crash.
        self.server = launch.start(in_memory=True, fsync=True)

    def open(self, name: str = "postgres") -> Any:
        session = databases.driver.connect(self.url(name))
        session.autocommit = True
        return closing(session)

    def url(self, name: str) -> str:
        return f"{self.server.url.rsplit('/', 1)[0]}/{name}"

    def restart(self) -> None:
        self.server.process.send_signal(signal.SIGQUIT)
        self.server.process.wait()
        settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
        account = choose_account()
        process, port = launch.start_postgres(self.server.bindir, account, self.server.directory, settings)
        self.server.process = process
        self.server.url = f"postgresql://postgres@127.0.0.1:{port}/postgres"


@pytest.fixture
def own() -> Iterator[Restarted]:
    made = Restarted()
    yield made
    made.server.stop()


def test_restart_of_the_server_in_immediate_mode(own: Restarted) -> None:
    with started(DATABASE_URL=own.server.url) as faults, ExitStack() as cleanup:
        succeeded(migrate(faults, UNIQUE, "postgres", "app", BEFORE))
        with own.open("template1") as session:
            run(session, "CREATE DATABASE uninterrupted TEMPLATE postgres")
        succeeded(migrate(faults, UNIQUE, "uninterrupted", "app"))
        writer, observer = (cleanup.enter_context(own.open()) for _ in range(2))
        run(writer, "BEGIN")
        run(writer, "LOCK TABLE app_thing IN ROW EXCLUSIVE MODE")
        with Beside(lambda: migrate(faults, UNIQUE, "postgres", "app")) as first:
            wait_until(lambda: run(observer, BUILDING), "a build that waits")
            own.restart()
            assert first.result().status == 1
    with started(DATABASE_URL=own.server.url) as faults:
        succeeded(migrate(faults, UNIQUE, "postgres", "app"))
    found, expected = (launch.pg_dump(own.url(name), "--schema-only") for name in ("postgres", "uninterrupted"))
    assert found == expected
