"""The server's evidence of old code: sessions, and activity on tables."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from django_zero_downtime_migrations.execution.owed.evidence import is_alone, look
from tests import databases
from tests.backends.sessions import role_without_rights, run, wait_until


@pytest.fixture
def thing(database: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    with database.cursor() as cursor:
        cursor.execute("CREATE TABLE thing (a integer); CREATE TABLE tree (a integer) PARTITION BY LIST (a)")
        cursor.execute("CREATE TABLE tree_1 PARTITION OF tree FOR VALUES IN (1)")
    return database


def test_sessions_of_this_database_are_told_by_name_and_age(thing: Any, open_session: Any) -> None:
    assert look(thing)[0].sessions == ()
    other = open_session(autocommit=True)
    run(other, "SET application_name = 'release 41'")
    elsewhere = databases.open_session(autocommit=True)
    try:
        server, _ = look(thing)
    finally:
        elsewhere.close()
    [(pid,)] = run(other, "SELECT pg_backend_pid()")
    [session] = server.sessions
    assert (session.pid, session.application) == (pid, "release 41")
    assert session.began is not None and server.started < session.began < server.now
    assert not server.is_pooled


def test_the_age_of_a_session_may_be_hidden(thing: Any, observer: Any) -> None:
    with role_without_rights(observer) as role, thing.cursor() as cursor:
        cursor.execute(f"SET ROLE {role}")
        [session] = look(thing)[0].sessions
        cursor.execute("RESET ROLE")
        cursor.execute(f"GRANT pg_read_all_stats TO {role}; SET ROLE {role}")
        [seen] = look(thing)[0].sessions
        cursor.execute("RESET ROLE")
    assert session.began is None
    assert seen.began is not None and seen.pid == session.pid


def test_what_is_done_to_a_table_is_counted_with_its_partitions(thing: Any, observer: Any) -> None:
    def counted(*tables: str) -> Any:
        return look(thing, (tables, "", ""))[1][0]

    assert counted('"thing"').is_empty and counted('"tree"').is_empty
    before = counted('"tree"', '"thing"').counted
    run(observer, "INSERT INTO tree SELECT 1 FROM generate_series(1, 10)")

    def is_counted() -> bool:
        # A session reports its last half second with its next statement before PostgreSQL 15.
        run(observer, "SELECT")
        return bool(counted('"tree"', '"thing"').counted >= before + 10)

    wait_until(is_counted, "the server has counted the rows")
    assert not counted('"tree"').is_empty
    assert counted('"thing"').is_empty
    assert not counted('"thing"', '"tree"').is_empty


def test_what_is_not_there_any_more_is_told(thing: Any) -> None:
    about = [
        (('"thing"',), "", ""),
        (('"thing"',), "a", ""),
        (('"thing"',), "b", ""),
        (('"no""thing"',), "", ""),
        (('"nothing"',), "a", ""),
    ]
    assert [x.exists for x in look(thing, *about)[1]] == [True, True, False, False, False]
    with thing.cursor() as cursor:
        cursor.execute("ALTER TABLE thing DROP COLUMN a")
    assert [x.exists for x in look(thing, *about)[1]] == [True, False, False, False, False]


def test_nobody_else_is_there_or_there_has_never_been_a_row(thing: Any, open_session: Any, caplog: Any) -> None:
    assert is_alone(thing, ['"thing"'])
    assert caplog.messages == []
    with thing.cursor() as cursor:
        cursor.execute("INSERT INTO thing VALUES (1)")
    assert is_alone(thing, ['"thing"'])
    # This happens if each session ends with its request.
    assert [x for x in caplog.messages if 'No other session is connected, so nothing of "thing"' in x]
    other = open_session(autocommit=True)
    assert not is_alone(thing, ['"thing"'])
    assert is_alone(thing, ['"tree"'])
    run(other, "DELETE FROM thing")
    # The table may be a queue, which is empty for the moment.
    assert not is_alone(thing, ['"thing"'])
