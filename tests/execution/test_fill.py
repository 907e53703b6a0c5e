"""NULLs are filled in ranges of pages that are committed one by one, and never wait long for locked rows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import IntegrityError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from django_zero_downtime_migrations.errors import LockNotAcquired
from django_zero_downtime_migrations.execution.batches import batches
from django_zero_downtime_migrations.execution.batches.fill import fill
from django_zero_downtime_migrations.planning.queries import Fill, Query, Rows
from django_zero_downtime_migrations.settings import MigrationSettings
from tests.backends.sessions import Beside, run, wait_until

WORK = Fill(table='"t"', column='"n"', default="%s", params=(7,))
#: Far less than any of the clients below waits for a row at most.
BRIEF = MigrationSettings(lock_timeout=200)
#: Milliseconds that a client waits; a fill that waits for the test itself would make it an error.
PATIENCE = 10_000
LEFT = "SELECT count(*) FROM t WHERE n IS NULL"


@pytest.fixture
def rows(database: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    """Make about 45 pages."""
    run(database, "CREATE TABLE t (id int PRIMARY KEY, n int, m int DEFAULT 0)")
    run(database, "INSERT INTO t (id) SELECT generate_series(1, 10000)")
    return database


@contextmanager
def filling(
    connection: BaseDatabaseWrapper, settings: MigrationSettings = BRIEF, work: Fill = WORK
) -> Iterator[Beside[int]]:
    alias = connection.alias
    with Beside(lambda: fill(connections[alias], work, settings)) as beside:
        yield beside


def test_every_null_gets_the_value_and_nothing_else_changes(database: BaseDatabaseWrapper) -> None:
    run(database, "CREATE TABLE t AS SELECT g AS id, nullif(g % 3, 0) AS n FROM generate_series(1, 50000) g")

    filled = fill(database, WORK)

    assert filled == 16666
    assert run(database, "SELECT n, count(*) FROM t GROUP BY n ORDER BY n") == [(1, 16667), (2, 16667), (7, 16666)]


def test_partitions_of_any_size_are_filled(database: BaseDatabaseWrapper) -> None:
    for statement in (
        "CREATE TABLE t (id int, n int) PARTITION BY RANGE (id)",
        "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (10) TO (100000)",
        "INSERT INTO t (id) SELECT generate_series(0, 50000)",
    ):
        run(database, statement)

    fill(database, WORK)

    assert run(database, LEFT) == [(0,)]


def test_rows_of_a_finished_range_are_not_locked(rows: BaseDatabaseWrapper, other_session: Any, observer: Any) -> None:
    """While a range waits for a locked row, its other rows can be changed."""
    run(other_session, "SELECT FROM t WHERE id = 9999 FOR UPDATE")
    with filling(rows) as work:
        wait_until(lambda: run(observer, LEFT) == [(1,)], "all other rows are filled", work)
        run(observer, "SELECT FROM t WHERE n = 7 FOR UPDATE NOWAIT")
        other_session.rollback()
        assert work.result() == 10000


def test_a_row_that_is_held_for_long_stops_neither_other_rows_nor_other_clients(
    rows: BaseDatabaseWrapper, other_session: Any, observer: Any
) -> None:
    """A client that updates a row of the same page waits for the row locks of a batch, and no longer."""
    run(other_session, "UPDATE t SET m = 1 WHERE id = 3")
    run(observer, f"SET lock_timeout = {PATIENCE}")
    with filling(rows) as work:
        wait_until(lambda: run(observer, LEFT) == [(1,)], "all other rows are filled", work)
        for row in (1, 2, 4, 5, 6, 7, 8, 9, 10):
            run(observer, f"UPDATE t SET m = m + 1 WHERE id = {row}")
        assert work.thread.is_alive()
        other_session.commit()
        work.result()
    assert run(observer, LEFT) == [(0,)]
    assert run(observer, "SELECT sum(m) FROM t") == [(10,)]


def test_a_row_that_its_holder_has_moved_to_a_page_that_is_done_is_filled_too(
    database: BaseDatabaseWrapper, other_session: Any, observer: Any
) -> None:
    """The first page has room for the new version of a row on the last one."""
    run(database, "CREATE TABLE t (id int PRIMARY KEY, n int, m text DEFAULT repeat('x', 1000))")
    run(database, "INSERT INTO t (id) SELECT generate_series(1, 2000)")
    run(database, "DELETE FROM t WHERE id < 6")
    run(database, "VACUUM (TRUNCATE OFF) t")
    run(other_session, "UPDATE t SET m = m || 'y' WHERE id = 1000")
    with filling(database) as work:
        wait_until(lambda: run(observer, LEFT) == [(1,)], "all other rows are filled", work)
        other_session.commit()
        work.result()
    assert run(observer, LEFT) == [(0,)]


def test_clients_that_lock_two_rows_each_see_no_deadlock(
    rows: BaseDatabaseWrapper, open_session: Callable[..., Any]
) -> None:
    """Each client has two rows of its own and takes them in both orders, so that only the fill can be in a cycle."""
    stop, errors = threading.Event(), list[BaseException]()

    def client(session: Any, first: int, second: int) -> None:
        try:
            while not stop.is_set():
                for a, b in ((first, second), (second, first)):
                    run(session, f"UPDATE t SET m = m + 1 WHERE id = {a}")
                    run(session, f"SELECT pg_sleep(0.02) FROM t WHERE id = {b}")
                    run(session, f"UPDATE t SET m = m + 1 WHERE id = {b}")
                    session.commit()
        except BaseException as error:
            errors.append(error)

    sessions = [open_session() for _ in range(4)]
    threads = [threading.Thread(target=client, args=(s, 10 + n, 20 + n)) for n, s in enumerate(sessions)]
    for thread in threads:
        thread.start()
    try:
        filled = fill(rows, WORK, MigrationSettings(lock_timeout=2000))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert errors == []
    assert run(rows, LEFT) == [(0,)]
    assert filled >= 9992


def test_rows_that_are_never_free_end_the_fill_by_the_retry_timeout_and_name_who_has_them(
    rows: BaseDatabaseWrapper, other_session: Any, observer: Any
) -> None:
    [(pid,)] = run(other_session, "SELECT pg_backend_pid()")
    run(other_session, "UPDATE t SET m = 1 WHERE id = 3")
    with pytest.raises(LockNotAcquired, match=f"pid {pid} ") as caught:
        fill(rows, WORK, MigrationSettings(lock_timeout=100, lock_retry_timeout=1000))
    assert [x.pid for x in caught.value.blockers] == [pid]
    assert 'UPDATE "t" SET "n" = 7' in caught.value.statement
    assert run(observer, LEFT) == [(1,)]


def test_without_a_retry_timeout_a_row_is_waited_for(
    rows: BaseDatabaseWrapper, other_session: Any, observer: Any, caplog: Any
) -> None:
    caplog.set_level("DEBUG", logger="django_zero_downtime_migrations")
    run(other_session, "UPDATE t SET m = 1 WHERE id = 3")
    with filling(rows, MigrationSettings()) as work:
        wait_until(lambda: caplog.text.count("are locked by others") > 10, "the page is asked for again", work)
        other_session.commit()
        work.result()
    assert run(observer, LEFT) == [(0,)]


def test_a_table_that_is_locked_is_waited_for_outside_the_queue(
    rows: BaseDatabaseWrapper, other_session: Any, observer: Any, caplog: Any
) -> None:
    """Readers can go on beside SHARE; no page after page is put aside meanwhile."""
    caplog.set_level("DEBUG", logger="django_zero_downtime_migrations")
    run(other_session, "LOCK TABLE t IN SHARE MODE")
    with filling(rows) as work:
        wait_until(lambda: "t: waiting outside the queue" in caplog.text.replace('"', ""), "the fill waits", work)
        run(observer, LEFT)
        other_session.rollback()
        work.result()
    assert caplog.text.count("are locked by others") == 1
    assert run(observer, LEFT) == [(0,)]


def test_a_page_whose_work_takes_longer_than_the_lock_timeout_is_filled(database: BaseDatabaseWrapper) -> None:
    run(database, "CREATE TABLE t (n int)")
    run(database, "INSERT INTO t SELECT NULL FROM generate_series(1, 20)")
    run(
        database,
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(0.02); RETURN NEW; END$$",
    )
    run(database, "CREATE TRIGGER slow BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION slow()")
    assert fill(database, WORK, MigrationSettings(lock_timeout=50, lock_retry_timeout=60_000)) == 20


def test_nothing_is_left_on_the_connection(rows: BaseDatabaseWrapper) -> None:
    everything = "SELECT name, setting FROM pg_settings ORDER BY name"
    before = run(rows, everything)
    fill(rows, WORK, BRIEF)
    assert run(rows, everything) == before


def test_somebodys_cancel_ends_the_fill(rows: BaseDatabaseWrapper, observer: Any, monkeypatch: Any) -> None:
    """The cancel is not taken for our own timeout, and tried again."""
    run(
        rows,
        "CREATE FUNCTION cancels() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN PERFORM pg_cancel_backend(pg_backend_pid()); PERFORM pg_sleep(60); RETURN NEW; END$$",
    )
    run(rows, "CREATE TRIGGER cancels BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION cancels()")
    with pytest.raises(batches.OperationalError, match="user request"):
        fill(rows, WORK, MigrationSettings(lock_timeout=60_000))


def test_a_value_that_a_constraint_refuses_is_said_with_the_servers_error(database: BaseDatabaseWrapper) -> None:
    run(database, "CREATE TABLE t (n int CHECK (n > 10))")
    run(database, "INSERT INTO t VALUES (NULL)")

    with pytest.raises(IntegrityError, match="t_n_check"):
        fill(database, WORK)


def test_the_last_look_at_the_table_takes_its_time(rows: BaseDatabaseWrapper) -> None:
    """The look reads all rows and takes no row locks; the session's statement_timeout is for requests."""
    run(rows, "DELETE FROM t WHERE id > 300")
    run(
        rows,
        "CREATE FUNCTION slowly(int) RETURNS bool LANGUAGE plpgsql AS "
        "'BEGIN PERFORM pg_sleep(0.00001); RETURN true; END'",
    )
    run(rows, "SET statement_timeout = '150ms'")
    work = Rows('"t"', Query("n = 7"), Query("n IS DISTINCT FROM 7 AND slowly(id) OR NOT slowly(id)"))

    assert fill(rows, work) == 300
