"""A step that locks several tables gets them all before its work, in short waits, without costs for other sessions."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
from django.db import migrations, models

from django_zero_downtime_migrations.execution.locks import acquire
from django_zero_downtime_migrations.execution.locks import limits as execution_limits
from django_zero_downtime_migrations.execution.locks.blockers import look
from django_zero_downtime_migrations.execution.locks.limits import Limits, limits
from django_zero_downtime_migrations.locks import Lock, LockMode
from django_zero_downtime_migrations.planning.kinds import Short, Step
from django_zero_downtime_migrations.planning.queries import Query
from tests.backends.project import Shop
from tests.backends.sessions import WAITING, Beside, role_without_rights, run, wait_until
from tests.execution.test_acquire import AUTHOR, BOOK, EXCLUSIVE, ID, PATIENT, WRITES_AUTHORS


@pytest.fixture
def books(shop: Shop) -> Shop:
    """Two tables in use."""
    shop.migrate(AUTHOR, BOOK)
    return shop


@pytest.fixture(autouse=True)
def everything_is_heard(caplog: Any) -> None:
    caplog.set_level("DEBUG", logger="django_zero_downtime_migrations")


def tables(session: Any, *more: str) -> None:
    run(session, "CREATE TABLE t (n int); CREATE TABLE u (n int); " + "; ".join(more))


def limited(migrating: Any, *locks: Lock, attempt: int = 0, kind: type[Step] = Short) -> Limits:
    one = kind(queries=(Query("SELECT 1"),), statement=None, locks=locks)  # type: ignore[arg-type]
    return limits(PATIENT, one, look(migrating, locks, queries=False), attempt)


def test_all_locks_come_before_the_work_which_then_has_all_its_time(database: Any, observer: Any) -> None:
    tables(observer)
    both = [Lock('"t"', LockMode.SHARE_ROW_EXCLUSIVE), Lock('"u"', LockMode.SHARE_ROW_EXCLUSIVE, only=True)]
    *before, last, others = limited(database, *both).prefix
    assert [x for x in before if x.startswith("LOCK")] == [
        'LOCK TABLE "t" IN SHARE ROW EXCLUSIVE MODE',
        'LOCK TABLE ONLY "u" IN SHARE ROW EXCLUSIVE MODE',
    ]
    assert last == "SET LOCAL statement_timeout = 2200"
    assert others.startswith("SET LOCAL lock_timeout = ")


def test_tables_are_asked_for_in_another_order_each_time(database: Any, observer: Any) -> None:
    tables(observer, "CREATE TABLE v (n int)")
    three = [Lock(f'"{name}"', EXCLUSIVE) for name in "tuv"]
    firsts = [limited(database, *three, attempt=number).locks[0][0] for number in range(6)]
    assert len(set(firsts)) == 3


def test_of_two_locks_on_a_table_the_stronger_is_asked_for(database: Any, observer: Any) -> None:
    tables(observer)
    locks = [Lock('"t"', LockMode.SHARE), Lock('"u"', EXCLUSIVE), Lock('"t"', EXCLUSIVE)]
    assert [sql for sql, _, _ in limited(database, *locks).locks] == [
        'LOCK TABLE "t" IN ACCESS EXCLUSIVE MODE',
        'LOCK TABLE "u" IN ACCESS EXCLUSIVE MODE',
    ]


def test_what_is_not_there_yet_is_left_to_the_step(database: Any, observer: Any) -> None:
    tables(observer)
    locks = [Lock('"t"', EXCLUSIVE), Lock('"u"', EXCLUSIVE), Lock('"later"', EXCLUSIVE)]
    assert not limited(database, *locks).locks


def test_an_index_is_left_to_the_step_which_then_has_to_be_done_before_the_server_looks_for_deadlocks(
    database: Any, observer: Any
) -> None:
    tables(observer, "CREATE INDEX i ON t (n)")
    deadlock = look(database, [], queries=False).deadlock_timeout
    for number in range(12):
        given = limited(database, Lock('"i"', EXCLUSIVE), Lock('"u"', LockMode.ACCESS_SHARE), attempt=number)
        assert not given.locks
        assert given.values["statement_timeout"] < deadlock


def test_a_table_that_the_role_may_not_lock_is_left_to_the_step(database: Any, observer: Any) -> None:
    tables(observer)
    locks = [Lock('"t"', EXCLUSIVE), Lock('"u"', EXCLUSIVE)]
    with role_without_rights(observer) as role, database.cursor() as cursor:
        run(observer, f"GRANT SELECT, REFERENCES ON t TO {role}")
        run(observer, f"ALTER TABLE u OWNER TO {role}")
        cursor.execute(f"SET ROLE {role}")
        assert not limited(database, *locks).locks
        cursor.execute("RESET ROLE")
        run(observer, "DROP TABLE t, u")


MANY = 100
PARTITIONED = f"""
CREATE TABLE shop_event (id bigint NOT NULL, author_id bigint) PARTITION BY RANGE (id);
DO $$ BEGIN FOR i IN 0 .. {MANY - 1} LOOP
    EXECUTE format('CREATE TABLE shop_event_%s PARTITION OF shop_event FOR VALUES FROM (%s) TO (%s)', i, i, i + 1);
END LOOP; END $$
"""
#: The work on the whole of it takes long on any machine.
SLOW_WORK = """
CREATE FUNCTION be_slow() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() WHERE object_identity = 'public.shop_event') THEN
        PERFORM pg_sleep(0.6);
    END IF;
END $$;
CREATE EVENT TRIGGER slow ON ddl_command_end WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION be_slow()
"""
KEY = migrations.AlterField(
    "event", "author", models.ForeignKey("shop.author", models.CASCADE, null=True, db_index=False)
)


@pytest.fixture
def events(books: Shop, observer: Any, patience: Callable[..., None]) -> Shop:
    """A table of many partitions, where the server looks for deadlocks after less than the work on it takes."""
    run(observer, PARTITIONED)
    key = models.ForeignKey("shop.author", models.CASCADE, null=True, db_index=False, db_constraint=False)
    books.migrate(migrations.SeparateDatabaseAndState([], [migrations.CreateModel("event", [ID, ("author", key)])]))
    run(observer, SLOW_WORK)
    [(name,)] = run(observer, "SELECT current_database()")
    run(observer, f"ALTER DATABASE {name} SET deadlock_timeout = '400ms'")
    books.connection.close()
    patience(LOCK_TIMEOUT="2s", STATEMENT_TIMEOUT="10s", LOCK_RETRY_TIMEOUT="10min")
    return books


def constraints(session: Any) -> int:
    found = run(session, "SELECT count(*) FROM pg_constraint WHERE conrelid = 'shop_event'::regclass AND contype = 'f'")
    return int(found[0][0])


def test_work_that_takes_longer_than_the_server_waits_for_a_deadlock_is_done_at_the_first_attempt(
    events: Shop, observer: Any, caplog: Any
) -> None:
    events.migrate(KEY)
    assert constraints(observer) == 1
    assert "Attempt" not in caplog.text


def test_who_locks_the_other_table_first_is_no_victim_of_that_work(
    events: Shop, other_session: Any, observer: Any, caplog: Any, monkeypatch: Any
) -> None:
    """A session holds the one and waits for the other during the attempts, for longer than deadlock_timeout."""
    monkeypatch.setattr(acquire, "OLD", 10**9)
    run(other_session, WRITES_AUTHORS)
    with Beside(lambda: events.migrate(KEY)) as work:
        wait_until(lambda: "Attempt 3: no lock" in caplog.text, "attempts", work)
        for number in range(MANY):
            run(other_session, f"INSERT INTO shop_event (id) VALUES ({number})")
        other_session.commit()
        work.result()
    assert run(observer, "SELECT count(*) FROM shop_event") == [(MANY,)]
    assert constraints(observer) == 1


def test_attempts_without_anybody_in_the_way_get_more_time(
    events: Shop, observer: Any, caplog: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(execution_limits, "lock_wait", lambda longest, attempt: 1)
    monkeypatch.setattr(execution_limits, "ROOM", 0)
    events.migrate(KEY)
    assert constraints(observer) == 1
    assert "no lock within" not in caplog.text


def test_clients_that_lock_two_tables_in_both_orders_are_no_victims_and_do_not_stop_it(
    books: Shop, open_session: Callable[..., Any], observer: Any, patience: Callable[..., None]
) -> None:
    patience(LOCK_TIMEOUT="2s", LOCK_RETRY_TIMEOUT="10min")
    books.migrate(migrations.AddField("book", "author", models.BigIntegerField(null=True)))
    stop = threading.Event()

    def writes(session: Any, *statements: str) -> Callable[[], int]:
        def work() -> int:
            done = 0
            while not stop.is_set():
                for statement in statements:
                    run(session, statement)
                session.commit()
                done += 1
            return done

        return work

    both = ("INSERT INTO shop_book (title) VALUES ('a')", WRITES_AUTHORS)
    clients = [Beside(writes(open_session(), *both[:: 1 - 2 * (number % 2)])) for number in range(4)]
    with ExitStack() as stack:
        for client in clients:
            stack.enter_context(client)
        try:
            books.migrate(
                migrations.AddField("author", "next", models.ForeignKey("shop.book", models.CASCADE, null=True))
            )
        finally:
            stop.set()
        assert all(client.result() for client in clients)
    assert run(observer, "SELECT count(*) FROM pg_constraint WHERE contype = 'f'") == [(1,)]


def test_three_busy_partitions_stall_nobody_for_longer_than_lock_timeout_and_a_fifth(
    shop: Shop, open_session: Callable[..., Any], observer: Any, patience: Callable[..., None], monkeypatch: Any
) -> None:
    shop.run("CREATE TABLE shop_event (id bigint PRIMARY KEY) PARTITION BY RANGE (id)")
    for low in (0, 1, 2):
        shop.run(f"CREATE TABLE shop_event_{low} PARTITION OF shop_event FOR VALUES FROM ({low}) TO ({low + 1})")
    shop.migrate(migrations.SeparateDatabaseAndState([], [migrations.CreateModel("event", [ID])]))
    readers = [open_session() for _ in range(3)]
    for number, reader in enumerate(readers):
        run(reader, f"SELECT 1 FROM shop_event_{number}")
    monkeypatch.setattr(acquire, "OLD", 10**9)
    patience(LOCK_TIMEOUT="500ms", LOCK_RETRY_TIMEOUT="10min")
    attempts: set[str] = set()

    def longest_attempt() -> int:
        attempts.update(query for _, query in run(observer, WAITING))
        return max((int(re.findall(r"lock_timeout = (\d+)", query)[0]) for query in attempts), default=0)

    add = migrations.AddField("event", "note", models.TextField(null=True))
    with Beside(lambda: shop.migrate(add)) as work:
        wait_until(lambda: longest_attempt() == 500, "an attempt for all of LOCK_TIMEOUT", work)
        for reader in readers:
            reader.rollback()
        work.result()
    assert all(int(re.findall(r"statement_timeout = (\d+)", query)[0]) <= 600 for query in attempts)
