"""Two `migrate` runs on one database and schema are one after the other, and the second names the run it waits for."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from django_zero_downtime_migrations.errors import CannotMigrate
from django_zero_downtime_migrations.execution.one_migrate.one_at_a_time import take_turn
from django_zero_downtime_migrations.execution.one_migrate.turn import Turn
from tests.backends.sessions import PATIENCE, WAITING, Beside, role_without_rights, run, wait_until

HELD = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND database = %s"
DATABASE = "SELECT oid FROM pg_database WHERE datname = current_database()"
OPEN = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'"


class Migrate:
    """A run of `migrate`, on a connection of its own."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.alias = connection.alias

    @property
    def connection(self) -> BaseDatabaseWrapper:
        return connections[self.alias]

    def take(self, timeout_ms: int | None = None, queries: bool = False) -> Turn:
        return take_turn(self.connection, timeout_ms, queries)

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall()) if cursor.description else []

    @property
    def pid(self) -> int:
        return int(self.run("SELECT pg_backend_pid()")[0][0])

    def waits_in_a_thread(self) -> bool:
        """Return whether it had to wait; its session ends with the thread."""
        turn = self.take()
        turn.release()
        return turn.waited


@pytest.fixture
def first(database: BaseDatabaseWrapper) -> Migrate:
    return Migrate(database)


@pytest.fixture
def another(first: Migrate, make_connection: Callable[..., BaseDatabaseWrapper]) -> Callable[..., Migrate]:
    """another(**options): one more run in the same database."""

    def make(**options: Any) -> Migrate:
        return Migrate(make_connection(name=first.connection.settings_dict["NAME"], **options))

    return make


@pytest.fixture
def second(another: Callable[..., Migrate]) -> Migrate:
    return another()


@pytest.fixture
def held(observer: Any) -> Callable[[], list[int]]:
    """Return the processes that hold an advisory lock."""
    [(oid,)] = run(observer, DATABASE)
    return lambda: [pid for (pid,) in run(observer, HELD, oid)]


@pytest.fixture
def warned(caplog: Any) -> Iterator[Callable[[], str]]:
    with caplog.at_level(logging.DEBUG, logger="django_zero_downtime_migrations"):
        yield lambda: "\n".join(x.getMessage() for x in caplog.records if x.levelno >= logging.WARNING)


def test_the_first_does_not_wait(first: Migrate, warned: Callable[[], str]) -> None:
    assert not first.take().waited
    assert warned() == ""


def test_the_second_waits_until_the_first_has_released_its_turn(
    first: Migrate, second: Migrate, warned: Callable[[], str]
) -> None:
    turn = first.take()
    with Beside(second.waits_in_a_thread) as work:
        wait_until(warned, "the second waits", work)
        turn.release()
        assert work.result()


def test_the_second_goes_on_when_the_session_of_the_first_is_terminated(
    first: Migrate, second: Migrate, observer: Any, warned: Callable[[], str]
) -> None:
    first.take()
    with Beside(second.waits_in_a_thread) as work:
        wait_until(warned, "the second waits", work)
        run(observer, "SELECT pg_terminate_backend(%s)", first.pid)
        assert work.result()
    first.connection.close()


def test_a_released_turn_is_free_for_the_next_at_once(first: Migrate, second: Migrate) -> None:
    first.take().release()
    assert not second.take(0).waited


def test_the_wait_names_the_other(first: Migrate, another: Callable[..., Migrate], warned: Callable[[], str]) -> None:
    first.run("SET application_name = 'deploy 7'")
    first.take()
    pid, user = first.pid, first.connection.settings_dict["USER"]
    with Beside(another().waits_in_a_thread):
        text = wait_until(warned, "it says for whom it waits")
        first.connection.close()
    assert f"pid {pid} ({user}, application 'deploy 7', 127.0.0.1) idle for " in text
    assert "connected since 2" in text
    assert "schema 'public'" in text
    assert f"SELECT pg_terminate_backend({pid})" in text


def test_no_time_to_wait_fails_at_once_and_says_how_to_go_on(
    first: Migrate, second: Migrate, warned: Callable[[], str]
) -> None:
    first.take()
    with pytest.raises(CannotMigrate) as refused:
        second.take(0)
    text = str(refused.value)
    assert f"pid {first.pid} " in text
    assert f"SELECT pg_terminate_backend({first.pid})" in text
    assert "Nothing was sent" in text
    assert "MIGRATE_LOCK_TIMEOUT" not in text
    assert warned() == ""


def test_a_wait_that_is_over_fails_and_names_the_setting(first: Migrate, second: Migrate) -> None:
    first.take()
    with pytest.raises(CannotMigrate, match=r"longer than MIGRATE_LOCK_TIMEOUT \(250 ms\)"):
        second.take(250)


def test_one_that_failed_can_take_its_turn_later(first: Migrate, second: Migrate) -> None:
    turn = first.take()
    with pytest.raises(CannotMigrate):
        second.take(0)
    turn.release()
    assert not second.take(0).waited


@pytest.mark.parametrize("queries", [False, True])
def test_what_the_other_is_running_is_told_only_where_that_is_wanted(
    first: Migrate, second: Migrate, queries: bool
) -> None:
    first.take()
    with transaction.atomic(first.alias):
        first.run("SELECT 'a name' AS person")
        with pytest.raises(CannotMigrate, match="idle in transaction for ") as refused:
            second.take(0, queries)
    assert ("a name" in str(refused.value)) is queries


def test_what_this_role_may_not_see_of_the_other_is_said_to_be_so(
    first: Migrate, second: Migrate, observer: Any
) -> None:
    first.take()
    with role_without_rights(observer) as role:
        second.run(f"SET ROLE {role}")
        with pytest.raises(CannotMigrate, match=f"pid {first.pid} .* for a time that this role may not see"):
            second.take(0, queries=True)
        second.run("RESET ROLE")


def test_another_schema_has_a_turn_of_its_own(first: Migrate, second: Migrate) -> None:
    first.take()
    second.run("CREATE SCHEMA tenant; SET search_path = tenant, public")
    turn = second.take(0)
    assert not turn.waited
    with pytest.raises(CannotMigrate, match="schema 'public'"):
        second.run("SET search_path = public") or second.take(0)
    turn.release()


def test_a_turn_is_released_in_the_schema_where_it_was_taken(first: Migrate, held: Callable[[], list[int]]) -> None:
    turn = first.take()
    first.run("CREATE SCHEMA tenant; SET search_path = tenant")
    turn.release()
    assert held() == []


def test_where_no_schema_of_the_search_path_exists_there_is_one_turn_too(first: Migrate, second: Migrate) -> None:
    for migrate in (first, second):
        migrate.run("SET search_path = nowhere")
    first.take()
    with pytest.raises(CannotMigrate):
        second.take(0)


def test_another_database_has_a_turn_of_its_own(
    first: Migrate, make_connection: Callable[..., BaseDatabaseWrapper]
) -> None:
    first.take()
    assert not Migrate(make_connection()).take(0).waited


def test_the_same_connection_has_its_turn_twice_and_releases_it_twice(
    first: Migrate, held: Callable[[], list[int]]
) -> None:
    outer = first.take(0)
    inner = first.take(0)
    assert not inner.waited
    inner.release()
    assert held() == [first.pid]
    outer.release()
    assert held() == []


def test_a_concurrent_build_of_the_first_ends_while_the_second_waits(
    first: Migrate, second: Migrate, other_session: Any, observer: Any, warned: Callable[[], str]
) -> None:
    first.run("CREATE TABLE book (title text)")
    run(other_session, "INSERT INTO book VALUES ('x')")
    built, enough = threading.Event(), threading.Event()

    def build() -> None:
        turn = first.take()
        first.run("CREATE INDEX CONCURRENTLY by_title ON book (title)")
        built.set()
        enough.wait(PATIENCE)
        turn.release()

    with Beside(build) as building:
        # The build waits for the writer first: the second run is there before it waits for old snapshots.
        wait_until(lambda: run(observer, WAITING), "the build waits for the writer", building)
        with Beside(second.waits_in_a_thread) as work:
            wait_until(warned, "the second waits", work)
            other_session.rollback()
            assert built.wait(PATIENCE)
            assert work.thread.is_alive()
            enough.set()
            assert work.result()
    assert run(observer, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_title'::regclass") == [(True,)]


def test_one_who_waits_has_no_transaction_open(
    first: Migrate, another: Callable[..., Migrate], observer: Any, warned: Callable[[], str]
) -> None:
    turn = first.take()
    second = another(AUTOCOMMIT=False)
    with Beside(second.waits_in_a_thread) as work:
        wait_until(warned, "the second waits", work)
        wait_until(lambda: not run(observer, OPEN), "no transaction is open", work)
        turn.release()
        assert work.result()


def test_without_autocommit_no_transaction_is_left_open(
    first: Migrate, another: Callable[..., Migrate], observer: Any, held: Callable[[], list[int]]
) -> None:
    second = another(AUTOCOMMIT=False)
    turn = second.take()
    assert run(observer, OPEN) == []
    assert len(held()) == 1
    turn.release()
    assert run(observer, OPEN) == []
    assert held() == []


def test_in_a_transaction_of_the_callers_the_turn_outlives_a_rollback(
    first: Migrate, held: Callable[[], list[int]]
) -> None:
    with transaction.atomic(first.alias):
        turn = first.take()
        transaction.set_rollback(True, first.alias)
    assert held() == [first.pid]
    turn.release()
    assert held() == []


# What cannot be released


def test_a_turn_whose_connection_is_closed_is_released_without_an_error(
    first: Migrate, held: Callable[[], list[int]], caplog: Any, warned: Callable[[], str]
) -> None:
    turn = first.take()
    first.connection.close()
    wait_until(lambda: held() == [], "the lock is gone with the session")
    turn.release()
    assert "The turn ends with its session" in caplog.text


def test_a_turn_of_an_earlier_session_is_not_released_in_the_next(
    first: Migrate, held: Callable[[], list[int]]
) -> None:
    old = first.take()
    first.connection.close()
    new = first.take()
    old.release()
    assert held() == [first.pid]
    new.release()


def test_a_turn_in_an_aborted_transaction_is_left_to_the_end_of_the_session(
    first: Migrate, held: Callable[[], list[int]], caplog: Any, warned: Callable[[], str]
) -> None:
    first.connection.set_autocommit(False)
    turn = first.take()
    with pytest.raises(Exception, match="division by zero"):
        first.run("SELECT 1/0")
    turn.release()
    assert "The turn ends with its session" in caplog.text
    assert len(held()) == 1


def test_a_turn_in_an_atomic_block_that_has_failed_does_not_hide_the_error(first: Migrate) -> None:
    with pytest.raises(Exception, match="division by zero"), transaction.atomic(first.alias):
        turn = first.take()
        try:
            first.run("SELECT 1/0")
        finally:
            turn.release()


def test_a_turn_is_released_once(first: Migrate, held: Callable[[], list[int]]) -> None:
    outer = first.take()
    inner = first.take()
    inner.release()
    inner.release()
    assert held() == [first.pid]
    outer.release()


# Effects of a RunPython on the connection


def test_a_turn_is_taken_again_when_its_connection_was_closed(first: Migrate, held: Callable[[], list[int]]) -> None:
    turn = first.take()
    first.connection.close()
    wait_until(lambda: held() == [], "the lock is gone with the session")
    turn.renew()
    assert held() == [first.pid]
    turn.release()
    assert held() == []


def test_a_turn_that_somebody_else_has_got_meanwhile_is_not_gone_on_with(first: Migrate, second: Migrate) -> None:
    turn = first.take()
    first.connection.close()
    other = second.take()
    with pytest.raises(CannotMigrate, match=f"has got the turn in the database .* pid {second.pid} "):
        turn.renew()
    turn.release()
    other.release()


def test_a_turn_is_kept_without_a_question(first: Migrate, django_assert_num_queries: Any) -> None:
    turn = first.take()
    with django_assert_num_queries(0, connection=first.connection):
        turn.renew()


def test_a_turn_costs_two_questions_and_its_end_one(first: Migrate, django_assert_num_queries: Any) -> None:
    first.connection.ensure_connection()
    with django_assert_num_queries(2, connection=first.connection):
        turn = first.take()
    with django_assert_num_queries(1, connection=first.connection):
        turn.release()


# Other versions of this package


def test_a_migrate_of_an_earlier_version_is_waited_for(first: Migrate, second: Migrate) -> None:
    first.run("SELECT pg_advisory_lock(1514425649, hashtext('public'))")
    with pytest.raises(CannotMigrate, match=f"pid {first.pid} "):
        second.take(0)


def test_a_migrate_of_an_earlier_version_waits(first: Migrate, second: Migrate) -> None:
    turn = first.take()
    taken = "SELECT pg_try_advisory_lock(1514425649, hashtext('public'))"
    assert second.run(taken) == [(False,)]
    turn.release()
    assert second.run(taken) == [(True,)]


# Ctrl-C


def test_ctrl_c_while_waiting_leaves_nothing(
    first: Migrate, second: Migrate, observer: Any, held: Callable[[], list[int]], warned: Callable[[], str]
) -> None:
    turn = first.take()

    def interrupt() -> None:
        wait_until(warned, "the second waits")
        os.kill(os.getpid(), signal.SIGINT)

    with Beside(interrupt), pytest.raises(KeyboardInterrupt):
        second.take()
    assert held() == [first.pid]
    assert run(observer, OPEN) == []
    turn.release()
    assert not second.take(0).waited
