"""How a short step gets its locks while others hold them: outside the queue, and in short attempts."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import OperationalError, connection, migrations, models, transaction

from django_zero_downtime_migrations.errors import LockNotAcquired, UnsafeOperationWarning
from django_zero_downtime_migrations.execution.locks import acquire
from django_zero_downtime_migrations.execution.locks.acquire import Acquisition
from django_zero_downtime_migrations.execution.locks.blockers import look
from django_zero_downtime_migrations.locks import Lock, LockMode
from django_zero_downtime_migrations.planning.kinds import Short, Step
from django_zero_downtime_migrations.planning.queries import Query
from django_zero_downtime_migrations.settings import MigrationSettings
from tests.backends.project import Shop
from tests.backends.sessions import WAITING, Beside, role_without_rights, run, told, wait_until

ID = ("id", models.BigAutoField(primary_key=True))
AUTHOR = migrations.CreateModel("author", [ID, ("name", models.CharField(max_length=20, null=True))])
BOOK = migrations.CreateModel("book", [ID, ("title", models.CharField(max_length=20, null=True))])
ADD_PAGES = migrations.AddField("book", "pages", models.IntegerField(null=True))
ADD_KEY = migrations.AddField("book", "author", models.ForeignKey("shop.author", models.CASCADE, null=True))
COLUMNS = """
SELECT attname FROM pg_attribute WHERE attrelid = 'shop_book'::regclass AND attnum > 0 AND NOT attisdropped
"""
READS_BOOKS = "SELECT 1 FROM shop_book"
WRITES_AUTHORS = "INSERT INTO shop_author (name) VALUES ('me')"
TIMEOUTS = "SELECT name, setting FROM pg_settings WHERE name IN ('lock_timeout', 'statement_timeout')"
EXCLUSIVE = LockMode.ACCESS_EXCLUSIVE


@pytest.fixture
def books(shop: Shop) -> Shop:
    """Two tables in use."""
    shop.migrate(AUTHOR, BOOK)
    return shop


@pytest.fixture
def impatient(patience: Callable[..., None]) -> None:
    patience(LOCK_TIMEOUT="100ms", LOCK_RETRY_TIMEOUT="500ms")


def columns(session: Any) -> set[str]:
    return {name for (name,) in run(session, COLUMNS)}


def waits_politely(caplog: Any) -> bool:
    return "Waiting outside the queue" in caplog.text


@pytest.fixture(autouse=True)
def everything_is_heard(caplog: Any) -> None:
    caplog.set_level("DEBUG", logger="django_zero_downtime_migrations")


# Looking


def test_waits_outside_the_queue_until_an_old_transaction_ends(
    books: Shop, other_session: Any, observer: Any, patience: Callable[..., None], caplog: Any
) -> None:
    patience(LOCK_TIMEOUT="2s", LOCK_RETRY_TIMEOUT="10min")
    run(other_session, READS_BOOKS)
    with Beside(lambda: books.migrate(ADD_PAGES)) as work:
        wait_until(lambda: waits_politely(caplog), "the step waits", work)
        assert run(observer, WAITING) == []
        run(observer, READS_BOOKS)
        run(observer, "INSERT INTO shop_book (title) VALUES ('new')")
        other_session.rollback()
        work.result()
    assert "pages" in columns(observer)


def test_names_who_is_in_the_way_while_it_waits(
    books: Shop, other_session: Any, patience: Callable[..., None], caplog: Any
) -> None:
    patience(LOCK_TIMEOUT="2s", LOCK_RETRY_TIMEOUT="10min")
    run(other_session, "SET application_name = 'the report'")
    run(other_session, READS_BOOKS)
    [(pid,)] = run(other_session, "SELECT pg_backend_pid()")
    with Beside(lambda: books.migrate(ADD_PAGES)) as work:
        wait_until(lambda: waits_politely(caplog), "the step waits", work)
        other_session.rollback()
        work.result()
    said = caplog.text
    assert f"pid {pid} (postgres, application 'the report', 127.0.0.1) idle in transaction for" in said
    assert "ACCESS SHARE on shop_book" in said
    assert READS_BOOKS not in said and "pg_backend_pid" not in said


def test_query_text_where_the_setting_allows(
    books: Shop, other_session: Any, patience: Callable[..., None], caplog: Any
) -> None:
    patience(LOCK_TIMEOUT="2s", LOCK_RETRY_TIMEOUT="10min", SHOW_BLOCKING_QUERIES=True)
    run(other_session, READS_BOOKS)
    with Beside(lambda: books.migrate(ADD_PAGES)) as work:
        wait_until(lambda: waits_politely(caplog), "the step waits", work)
        other_session.rollback()
        work.result()
    assert READS_BOOKS in caplog.text


def test_writer_on_the_referenced_table_is_waited_for(
    books: Shop, other_session: Any, observer: Any, patience: Callable[..., None], caplog: Any
) -> None:
    patience(LOCK_TIMEOUT="2s", LOCK_RETRY_TIMEOUT="10min")
    run(other_session, WRITES_AUTHORS)
    with Beside(lambda: books.migrate(ADD_KEY)) as work:
        wait_until(lambda: "ROW EXCLUSIVE on shop_author" in caplog.text, "the foreign key waits", work)
        assert run(observer, WAITING) == []
        run(observer, WRITES_AUTHORS)
        other_session.rollback()
        work.result()


def test_reader_of_the_other_side_of_a_dropped_table_is_waited_for(
    books: Shop, other_session: Any, observer: Any, patience: Callable[..., None], caplog: Any
) -> None:
    books.migrate(ADD_KEY)
    patience(LOCK_TIMEOUT="2s", LOCK_RETRY_TIMEOUT="10min", EXPLICIT_CONSTRAINTS_DROP=False)
    run(other_session, "SELECT 1 FROM shop_author")
    with Beside(lambda: books.migrate(migrations.DeleteModel("book"))) as work:
        wait_until(lambda: "ACCESS SHARE on shop_author" in caplog.text, "the drop waits", work)
        assert run(observer, WAITING) == []
        other_session.rollback()
        work.result()


def test_lock_that_does_not_conflict_is_not_waited_for(
    books: Shop, other_session: Any, patience: Callable[..., None], caplog: Any
) -> None:
    patience(LOCK_TIMEOUT="2s", LOCK_RETRY_TIMEOUT="10min")
    run(other_session, "SELECT 1 FROM shop_author")  # a foreign key is made beside readers
    books.migrate(ADD_KEY)
    assert not waits_politely(caplog)


def test_look_finds_the_holder_of_a_partition(database: Any, other_session: Any, observer: Any) -> None:
    run(observer, "CREATE TABLE t (n int) PARTITION BY RANGE (n)")
    run(observer, "CREATE TABLE low PARTITION OF t FOR VALUES FROM (0) TO (5) PARTITION BY LIST (n)")
    run(observer, "CREATE TABLE one PARTITION OF low FOR VALUES IN (1)")
    run(other_session, "SELECT 1 FROM one")
    seen = look(database, [Lock('"t"', EXCLUSIVE)], queries=False)
    assert seen.relations == 3
    assert [(x.relation, x.mode) for x in seen.blockers] == [("one", LockMode.ACCESS_SHARE)]


def test_look_at_a_name_with_quotes_in_another_schema(database: Any, other_session: Any, observer: Any) -> None:
    run(observer, 'CREATE SCHEMA "Odd"')
    run(observer, 'CREATE TABLE "Odd"."my ""t"" %s" (n int)')
    run(other_session, 'SELECT 1 FROM "Odd"."my ""t"" %s"')
    seen = look(database, [Lock('"Odd"."my ""t"" %s"', EXCLUSIVE)], queries=False)
    assert [x.relation for x in seen.blockers] == ['"Odd"."my ""t"" %s"']


def test_look_does_not_see_the_same_table_of_another_database(
    database: Any, make_connection: Callable[..., Any], open_session: Callable[..., Any]
) -> None:
    twin = open_session(make_connection())
    for session in (open_session(autocommit=True), twin):
        run(session, "CREATE TABLE t (n int)")
    run(twin, "LOCK TABLE t")
    assert look(database, [Lock('"t"', EXCLUSIVE)], queries=False).blockers == ()


def test_session_that_the_role_may_not_see_counts_as_old(database: Any, other_session: Any, observer: Any) -> None:
    run(observer, "CREATE TABLE t (n int)")
    run(other_session, "SELECT 1 FROM t")
    with role_without_rights(observer) as role, database.cursor() as cursor:
        cursor.execute(f"SET ROLE {role}")
        (blocker,) = look(database, [Lock('"t"', EXCLUSIVE)], queries=True).blockers
        cursor.execute("RESET ROLE")
    assert blocker.older_than(10**9)
    assert "for a time that this role may not see" in str(blocker)


def test_only_a_transaction_that_is_old_for_the_time_waited_is_waited_for(
    books: Shop, other_session: Any, patience: Callable[..., None], caplog: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(acquire, "OLD", 10**9)
    patience(LOCK_TIMEOUT="100ms", LOCK_RETRY_TIMEOUT="10min")
    run(other_session, READS_BOOKS)
    with Beside(lambda: books.migrate(ADD_PAGES)) as work:
        wait_until(lambda: "Attempt 1: no lock" in caplog.text, "an attempt", work)
        other_session.rollback()
        work.result()
    assert not waits_politely(caplog)


# Attempts


@pytest.mark.usefixtures("impatient")
def test_gives_up_after_lock_retry_timeout_and_says_who_was_in_the_way(
    books: Shop, other_session: Any, observer: Any
) -> None:
    run(other_session, READS_BOOKS)
    [(pid,)] = run(other_session, "SELECT pg_backend_pid()")
    with pytest.raises(LockNotAcquired) as caught:
        books.migrate(ADD_PAGES)
    error = caught.value
    assert [(x.pid, x.mode, x.relation) for x in error.blockers] == [(pid, LockMode.ACCESS_SHARE, "shop_book")]
    assert error.attempts >= 1 and error.waited > 0
    assert error.statement == 'ALTER TABLE "shop_book" ADD COLUMN "pages" integer NULL'
    for text in (error.statement, f"pid {pid}", "ACCESS SHARE on shop_book", "pg_terminate_backend"):
        assert text in told(error)
    assert "pages" not in columns(observer)


@pytest.mark.usefixtures("impatient")
def test_nothing_is_left_on_the_connection_by_failed_attempts(books: Shop, other_session: Any) -> None:
    before = books.run(TIMEOUTS)
    run(other_session, READS_BOOKS)
    with pytest.raises(LockNotAcquired):
        books.migrate(ADD_PAGES)
    assert books.run(TIMEOUTS) == before
    assert books.connection.in_atomic_block is False


@pytest.mark.usefixtures("impatient")
def test_can_be_run_again_after_it_has_given_up(books: Shop, other_session: Any, observer: Any) -> None:
    run(other_session, WRITES_AUTHORS)
    with pytest.raises(LockNotAcquired):
        books.migrate(ADD_KEY)
    assert "author_id" not in columns(observer)
    other_session.rollback()
    books.migrate(ADD_KEY)
    assert "author_id" in columns(observer)


def test_asks_all_the_same_where_long_transactions_never_end(
    books: Shop, other_session: Any, observer: Any, patience: Callable[..., None], caplog: Any, monkeypatch: Any
) -> None:
    patience(LOCK_TIMEOUT="100ms", LOCK_RETRY_TIMEOUT="20s")
    run(other_session, READS_BOOKS)
    monkeypatch.setattr(acquire, "POLITE_PART", 1000)
    with Beside(lambda: books.migrate(ADD_PAGES)) as work:
        wait_until(lambda: "Attempt 2: no lock" in caplog.text, "a second attempt", work)
        other_session.rollback()
        work.result()
    assert "pages" in columns(observer)


def test_one_attempt_without_lock_retry_timeout(
    books: Shop, other_session: Any, patience: Callable[..., None], caplog: Any
) -> None:
    patience(LOCK_TIMEOUT="100ms")
    run(other_session, READS_BOOKS)
    with pytest.raises(OperationalError) as caught:
        books.migrate(ADD_PAGES)
    assert not isinstance(caught.value, LockNotAcquired)
    assert not waits_politely(caplog)


@pytest.mark.usefixtures("impatient")
def test_environment_variable_turns_retries_off(books: Shop, other_session: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("ZERO_DOWNTIME_MIGRATIONS_NO_LOCK_RETRY", "1")
    run(other_session, READS_BOOKS)
    with pytest.raises(OperationalError) as caught:
        books.migrate(ADD_PAGES)
    assert not isinstance(caught.value, LockNotAcquired)


@pytest.mark.usefixtures("impatient")
def test_inside_a_transaction_of_the_callers_there_is_one_attempt(books: Shop, other_session: Any, caplog: Any) -> None:
    run(other_session, READS_BOOKS)
    with pytest.raises(OperationalError) as caught, transaction.atomic(books.alias):
        books.migrate(ADD_PAGES)
    assert not isinstance(caught.value, LockNotAcquired)
    assert not waits_politely(caplog)


@pytest.mark.usefixtures("impatient")
def test_unsafe_step_is_tried_again_as_well(books: Shop, other_session: Any) -> None:
    rewrite = migrations.AlterField("author", "name", models.IntegerField(null=True))
    run(other_session, "SELECT 1 FROM shop_author")
    with pytest.warns(UnsafeOperationWarning), pytest.raises(LockNotAcquired):
        books.migrate(rewrite)


@pytest.mark.usefixtures("impatient")
def test_who_has_let_go_by_the_end_is_still_told_of(books: Shop, other_session: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(acquire, "OLD", 10**9)
    run(other_session, READS_BOOKS)
    [(pid,)] = run(other_session, "SELECT pg_backend_pid()")
    give_up = Acquisition._give_up

    def gone(acquisition: Acquisition) -> LockNotAcquired:
        other_session.rollback()
        return give_up(acquisition)

    monkeypatch.setattr(Acquisition, "_give_up", gone)
    with pytest.raises(LockNotAcquired) as caught:
        books.migrate(ADD_PAGES)
    assert caught.value.blockers == ()
    assert re.search(
        rf"no session any more, \d+ of the attempts waited for .* the last ones seen: pid {pid} ", told(caught.value)
    )


def step(*tables: str, kind: type[Step] = Short) -> Step:
    locks = tuple(Lock(table, EXCLUSIVE) for table in tables)
    return kind(queries=(Query("SELECT 1"),), statement=None, locks=locks)  # type: ignore[arg-type]


class Failing:
    """An attempt that the server ends with an error of this code the first few times."""

    def __init__(self, state: str, times: int) -> None:
        self.state = state
        self.left = times
        self.sent: list[Sequence[str]] = []

    def __call__(self, prefix: Sequence[str]) -> None:
        self.sent.append(prefix)
        self.left -= 1
        if self.left >= 0:
            with connection.cursor() as cursor:
                cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{self.state}'; END $$")


PATIENT = MigrationSettings(lock_timeout=2000, lock_retry_timeout=60_000)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("state", ["40P01", "55P03"], ids=["deadlock", "lock timeout"])
def test_tried_again_after(state: str) -> None:
    attempt = Failing(state, times=2)
    Acquisition(connection, PATIENT, step('"t"'), "SELECT 1", attempt).run()
    assert len(attempt.sent) == 3


@pytest.mark.django_db(transaction=True)
def test_cancelled_by_somebody_it_is_not_tried_again() -> None:
    attempt = Failing("57014", times=1)
    with pytest.raises(OperationalError):
        Acquisition(connection, PATIENT, step('"t"'), "SELECT 1", attempt).run()
    assert len(attempt.sent) == 1


class Slow:
    """An attempt that works for a minute the first few times, if the server lets it."""

    def __init__(self, times: int) -> None:
        self.left = times
        self.made = 0

    def __call__(self, prefix: Sequence[str]) -> None:
        self.made += 1
        self.left -= 1
        if self.left >= 0:
            with connection.cursor() as cursor:
                cursor.execute("; ".join([*prefix, "SELECT pg_sleep(60)"]))


QUICK = MigrationSettings(lock_timeout=40, lock_retry_timeout=60_000)


@pytest.mark.django_db(transaction=True)
def test_ended_by_its_own_statement_timeout_it_is_tried_again() -> None:
    attempt = Slow(times=2)
    Acquisition(connection, QUICK, step('"t"', '"u"'), "SELECT 1", attempt).run()
    assert attempt.made == 3


@pytest.mark.django_db(transaction=True)
def test_what_has_its_locks_and_is_never_done_says_so(caplog: Any) -> None:
    attempt = Slow(times=100)
    with pytest.raises(OperationalError) as caught:
        Acquisition(connection, QUICK, step('"t"'), "SELECT 1", attempt).run()
    assert not isinstance(caught.value, LockNotAcquired)
    assert attempt.made == acquire.WORKED
    assert "the work alone took longer than STATEMENT_TIMEOUT (140 ms)" in told(caught.value)
    assert "Attempt 1: did not wait" in caplog.text
