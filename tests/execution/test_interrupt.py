"""Ctrl-C and SIGTERM while a step waits or works: the messages, and the remains on server and connection."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import django
import pytest
from django.db import migrations, models, transaction

from tests.backends.project import Shop, Site
from tests.backends.sessions import PATIENCE, Beside, run, wait_until

ID = ("id", models.BigAutoField(primary_key=True))
BOOK = migrations.CreateModel("book", [ID, ("title", models.CharField(max_length=20, null=True))])
ADD_INDEX = migrations.AddIndex("book", models.Index(fields=["title"], name="by_title"))
ADD_PAGES = migrations.AddField("book", "pages", models.IntegerField(null=True))
ADD_CODE = migrations.AddField("book", "code", models.IntegerField(null=True, unique=True))
WRITES = "INSERT INTO shop_book (title) VALUES ('mine')"
READS = "SELECT 1 FROM shop_book"
SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT 1"

BUSY = """
SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
AND state = 'active' AND wait_event_type = 'Lock' AND query LIKE %s
"""
INDEXES = """
SELECT indexrelid::regclass::text, indisvalid FROM pg_index
WHERE indrelid = 'shop_book'::regclass AND NOT indisprimary
"""
COLUMNS = """
SELECT attname FROM pg_attribute WHERE attrelid = 'shop_book'::regclass AND attnum > 0 AND NOT attisdropped
AND attname NOT IN ('id', 'title')
"""
EVERYTHING = "SELECT name, setting FROM pg_settings ORDER BY name"


@pytest.fixture
def books(site: Site) -> Site:
    """A project with a table in use, and timeouts that no test waits for."""
    site.settings["ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT"] = "1h"
    site.settings["ZERO_DOWNTIME_MIGRATIONS_FLEXIBLE_STATEMENT_TIMEOUT"] = True
    site.add(BOOK)
    site.migrate()
    return site


@pytest.fixture
def taking_back(books: Site) -> Site:
    """Turn the journal off: an interrupted operation is then taken back as a whole."""
    books.settings["ZERO_DOWNTIME_MIGRATIONS_IDEMPOTENT_SQL"] = False
    return books


class Migrating:
    """A `migrate` in a process of its own."""

    def __init__(self, site: Site, observer: Any, number: signal.Signals = signal.SIGINT, **options: Any) -> None:
        self.observer = observer
        self.number = number
        self.process: subprocess.Popen[str] = site.start("migrate", **options)

    def interrupt_when_it_waits(self, statement: str) -> None:
        """Interrupt when a query waits for a lock on the server.

        :param statement: the LIKE pattern of the query.
        """
        wait_until(lambda: self._asked(statement) or self._ended(), f"{statement} waits")
        self.interrupt()

    def waits(self, statement: str) -> None:
        wait_until(lambda: self._asked(statement) or self._ended(), f"{statement} waits")

    def _asked(self, statement: str) -> bool:
        return bool(run(self.observer, BUSY, statement))

    def _ended(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(self.process.communicate()[0])
        return False

    def interrupt(self) -> None:
        self.process.send_signal(self.number)

    def said(self) -> str:
        """Return the whole output, once it has ended as an interrupted or terminated process does."""
        said, _ = self.process.communicate(timeout=PATIENCE)
        # SIGINT itself has ended it: a shell script around it ends only then.
        expected = -signal.SIGINT if self.number == signal.SIGINT else 128 + self.number
        assert self.process.returncode == expected, said
        assert "Traceback" not in said
        assert ("Interrupted." in said.splitlines()) == (self.number == signal.SIGINT)
        return said


@pytest.fixture
def migrating(books: Site, observer: Any) -> Any:
    """migrating(*operations): `migrate` has begun with a new migration of them."""
    begun: list[Migrating] = []

    def begin(*operations: Any, number: signal.Signals = signal.SIGINT, **options: Any) -> Migrating:
        books.add(*operations)
        begun.append(Migrating(books, observer, number, **options))
        return begun[-1]

    yield begin
    for each in begun:
        if each.process.poll() is None:
            each.process.kill()
            each.process.communicate()


def test_build_is_cancelled_and_its_remains_go_when_they_can(
    books: Site, migrating: Callable[..., Migrating], other_session: Any, observer: Any
) -> None:
    run(other_session, WRITES)
    work = migrating(ADD_INDEX)
    work.interrupt_when_it_waits("CREATE INDEX CONCURRENTLY%")
    work.waits("DROP INDEX CONCURRENTLY%")
    other_session.rollback()
    said = work.said()
    assert 'Interrupted: CREATE INDEX CONCURRENTLY "by_title"' in said
    assert 'Taking back, until Ctrl-C is pressed again: DROP INDEX CONCURRENTLY IF EXISTS "by_title"' in said
    assert 'Taken back: DROP INDEX CONCURRENTLY IF EXISTS "by_title". The migration can be run again.' in said
    assert run(observer, INDEXES) == []
    books.migrate()
    assert run(observer, INDEXES) == [("by_title", True)]


def test_build_that_waits_for_a_snapshot_leaves_nothing_while_the_snapshot_is_there(
    migrating: Callable[..., Migrating], other_session: Any, observer: Any
) -> None:
    run(other_session, SNAPSHOT)
    work = migrating(ADD_INDEX)
    work.interrupt_when_it_waits("CREATE INDEX CONCURRENTLY%")
    assert "Taken back" in work.said()
    assert run(observer, INDEXES) == []


def test_second_ctrl_c_leaves_what_is_there_and_says_what_to_do(
    books: Site, migrating: Callable[..., Migrating], other_session: Any, observer: Any
) -> None:
    run(other_session, WRITES)
    work = migrating(ADD_INDEX)
    work.interrupt_when_it_waits("CREATE INDEX CONCURRENTLY%")
    work.interrupt_when_it_waits("DROP INDEX CONCURRENTLY%")
    said = work.said()
    assert "It could not be taken back (Interrupted again)" in said
    assert run(observer, INDEXES) == [("by_title", False)]
    other_session.rollback()
    way_out = said.partition("Run this before you migrate again: ")[2].splitlines()[0]
    run(observer, way_out)
    books.migrate()
    assert run(observer, INDEXES) == [("by_title", True)]


def test_steps_before_the_interrupted_one_are_taken_back_too(
    taking_back: Site, migrating: Callable[..., Migrating], other_session: Any, observer: Any
) -> None:
    # The column is free, and another session's snapshot blocks its index.
    run(other_session, SNAPSHOT)
    work = migrating(ADD_CODE)
    work.interrupt_when_it_waits("CREATE UNIQUE INDEX CONCURRENTLY%")
    assert 'DROP COLUMN "code"' in work.said()
    assert run(observer, COLUMNS) == []
    other_session.rollback()
    taking_back.migrate()
    assert run(observer, COLUMNS) == [("code",)]


def test_steps_before_the_interrupted_one_stay_where_the_next_run_goes_on(
    books: Site, migrating: Callable[..., Migrating], other_session: Any, observer: Any
) -> None:
    run(other_session, SNAPSHOT)
    work = migrating(ADD_CODE)
    work.interrupt_when_it_waits("CREATE UNIQUE INDEX CONCURRENTLY%")
    said = work.said()
    assert "Taken back: DROP INDEX CONCURRENTLY IF EXISTS" in said
    assert 'DROP COLUMN "code"' not in said
    assert "it goes on from there" in said
    assert run(observer, COLUMNS) == [("code",)]
    other_session.rollback()
    assert "going on with it" in books.migrate()


def test_removal_of_an_index_is_cancelled_and_a_re_run_finishes_it(
    books: Site, migrating: Callable[..., Migrating], other_session: Any, observer: Any
) -> None:
    books.add(ADD_INDEX)
    books.migrate()
    run(other_session, READS)
    work = migrating(migrations.RemoveIndex("book", "by_title"))
    work.interrupt_when_it_waits("DROP INDEX CONCURRENTLY%")
    assert "The migration can be run again." in work.said()
    other_session.rollback()
    books.migrate()
    assert run(observer, INDEXES) == []


def test_validation_is_cancelled_and_its_constraint_goes(
    taking_back: Site, migrating: Callable[..., Migrating], other_session: Any, observer: Any
) -> None:
    """The condition takes a lock that another session has, once there is a row to be looked at."""
    run(other_session, WRITES)
    other_session.commit()
    run(other_session, "SELECT pg_advisory_xact_lock(1)")
    run(
        observer,
        "CREATE FUNCTION slow(bigint) RETURNS boolean LANGUAGE plpgsql IMMUTABLE "
        "AS $$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN true; END $$",
    )
    condition = models.Func("id", function="slow", output_field=models.BooleanField())
    argument = "condition" if django.VERSION >= (5, 1) else "check"
    slow = models.CheckConstraint(**{argument: condition, "name": "slow_check"})
    work = migrating(migrations.AddConstraint("book", slow))
    work.interrupt_when_it_waits("%VALIDATE CONSTRAINT%")
    said = work.said()
    assert "Taken back: " in said
    assert 'DROP CONSTRAINT "slow_check"' in said
    assert run(observer, "SELECT 1 FROM pg_constraint WHERE conname = 'slow_check'") == []
    other_session.rollback()
    taking_back.migrate()


@pytest.mark.parametrize("lock_timeout", ["1h", 0])
def test_wait_for_a_lock_ends_at_once_and_nobody_waits_behind_it(
    books: Site, migrating: Callable[..., Migrating], other_session: Any, observer: Any, lock_timeout: Any
) -> None:
    books.settings["ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT"] = lock_timeout
    run(other_session, READS)
    work = migrating(ADD_PAGES)
    work.interrupt_when_it_waits("%ADD COLUMN%")
    said = work.said()
    assert 'ALTER TABLE "shop_book" ADD COLUMN "pages"' in said.partition("Interrupted: ")[2]
    assert "The migration can be run again." in said
    run(observer, "SET lock_timeout = '1s'")
    run(observer, READS)
    assert run(observer, COLUMNS) == []
    other_session.rollback()
    books.migrate()
    assert run(observer, COLUMNS) == [("pages",)]


def test_own_statement_is_cancelled(migrating: Callable[..., Migrating], other_session: Any, observer: Any) -> None:
    run(other_session, READS)
    work = migrating(migrations.RunSQL("ALTER TABLE shop_book ADD COLUMN pages integer"))
    work.interrupt_when_it_waits("%ADD COLUMN%")
    assert "Interrupted: ALTER TABLE shop_book ADD COLUMN pages" in work.said()
    assert run(observer, COLUMNS) == []


def test_build_is_taken_back_when_the_process_is_terminated(
    books: Site, migrating: Callable[..., Migrating], other_session: Any, observer: Any
) -> None:
    run(other_session, WRITES)
    work = migrating(ADD_INDEX, number=signal.SIGTERM)
    work.interrupt_when_it_waits("CREATE INDEX CONCURRENTLY%")
    work.waits("DROP INDEX CONCURRENTLY%")
    other_session.rollback()
    said = work.said()
    assert 'Terminated: CREATE INDEX CONCURRENTLY "by_title"' in said
    assert 'Taken back: DROP INDEX CONCURRENTLY IF EXISTS "by_title". The migration can be run again.' in said
    assert run(observer, INDEXES) == []
    books.migrate()
    assert run(observer, INDEXES) == [("by_title", True)]


def ignore_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.mark.parametrize("options", [{}, {"preexec_fn": ignore_ctrl_c}], ids=["terminal", "background"])
def test_steps_before_the_terminated_one_are_taken_back_too(
    taking_back: Site, migrating: Callable[..., Migrating], other_session: Any, observer: Any, options: Any
) -> None:
    run(other_session, SNAPSHOT)
    work = migrating(ADD_CODE, number=signal.SIGTERM, **options)
    work.interrupt_when_it_waits("CREATE UNIQUE INDEX CONCURRENTLY%")
    assert 'DROP COLUMN "code"' in work.said()
    assert run(observer, COLUMNS) == []
    other_session.rollback()
    taking_back.migrate()
    assert run(observer, COLUMNS) == [("code",)]


def test_wait_outside_the_queue_is_terminated_and_what_was_done_before_is_taken_back(
    taking_back: Site, migrating: Callable[..., Migrating], other_session: Any, observer: Any
) -> None:
    """No statement is on its way then. The foreign key waits for the other table, and its column is there."""
    taking_back.settings["ZERO_DOWNTIME_MIGRATIONS_LOCK_RETRY_TIMEOUT"] = "1h"
    taking_back.add(migrations.CreateModel("author", [ID]))
    taking_back.migrate()
    run(other_session, "INSERT INTO shop_author DEFAULT VALUES")
    author = migrations.AddField("book", "author", models.ForeignKey("author", models.CASCADE, null=True))
    work = migrating(author, number=signal.SIGTERM)
    line = next(line for line in work.process.stdout or () if "Waiting outside the queue" in line)
    assert "FOREIGN KEY" in line
    assert run(observer, COLUMNS) == [("author_id",)]
    work.interrupt()
    assert "The migration can be run again." in work.said()
    assert run(observer, COLUMNS) == []
    other_session.rollback()
    taking_back.migrate()
    assert run(observer, COLUMNS) == [("author_id",)]


def test_code_is_ended_by_the_signal_as_ever(
    books: Site, migrating: Callable[..., Migrating], other_session: Any, observer: Any
) -> None:
    run(other_session, "LOCK TABLE shop_book")
    code = migrations.RunPython(lock)
    work = migrating(code, number=signal.SIGTERM)
    work.interrupt_when_it_waits("LOCK TABLE%")
    said, _ = work.process.communicate(timeout=PATIENCE)
    assert work.process.returncode == -signal.SIGTERM, said


def lock(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("LOCK TABLE shop_book")


# In the process that is interrupted


@contextmanager
def interrupting(observer: Any, statement: str) -> Iterator[None]:
    """Press Ctrl-C for this process when the statement waits, unless the block has ended by then."""
    ended = threading.Event()

    def interrupt() -> None:
        try:
            wait_until(lambda: ended.is_set() or run(observer, BUSY, statement), f"{statement} waits")
        finally:
            # This is done even if it was not seen to wait: it would wait for ever.
            if not ended.is_set():
                os.kill(os.getpid(), signal.SIGINT)

    with Beside(interrupt):
        try:
            yield
        finally:
            ended.set()


@pytest.mark.parametrize(
    ("operation", "somebody", "statement"),
    [
        (ADD_PAGES, READS, "%ADD COLUMN%"),
        # Its remains are dropped while the snapshot is there.
        (ADD_INDEX, SNAPSHOT, "CREATE INDEX CONCURRENTLY%"),
    ],
    ids=["short", "long"],
)
def test_nothing_is_left_on_the_connection(
    shop: Shop, other_session: Any, observer: Any, settings: Any, operation: Any, somebody: str, statement: str
) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT = "1h"
    settings.ZERO_DOWNTIME_MIGRATIONS_FLEXIBLE_STATEMENT_TIMEOUT = True
    shop.migrate(BOOK)
    shop.run("SET lock_timeout = '2h'")
    shop.run("SET statement_timeout = '3h'")
    before = shop.run(EVERYTHING)
    [(pid,)] = shop.run("SELECT pg_backend_pid()")
    run(other_session, somebody)
    with pytest.raises(KeyboardInterrupt), interrupting(observer, statement):
        shop.migrate(operation)
    assert not shop.connection.in_atomic_block
    assert shop.run("SELECT pg_backend_pid()") == [(pid,)]
    assert shop.run(EVERYTHING) == before
    other_session.rollback()
    shop.migrate(operation)


def test_interrupted_transaction_of_the_caller_is_rolled_back(
    shop: Shop, other_session: Any, observer: Any, settings: Any
) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT = "1h"
    shop.migrate(BOOK)
    run(other_session, READS)
    with pytest.raises(KeyboardInterrupt), interrupting(observer, "%ADD COLUMN%"), transaction.atomic(shop.alias):
        shop.migrate(ADD_PAGES)
    assert run(observer, COLUMNS) == []
    assert not shop.connection.in_atomic_block


def test_ctrl_c_that_comes_when_the_step_has_succeeded_takes_it_back(shop: Shop, observer: Any, caplog: Any) -> None:
    shop.migrate(BOOK)

    def press_afterwards(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if "ADD COLUMN" in sql:
            signal.raise_signal(signal.SIGINT)
        return result

    with shop.connection.execute_wrapper(press_afterwards), pytest.raises(KeyboardInterrupt):
        shop.migrate(ADD_CODE)
    assert run(observer, COLUMNS) == []
    assert 'Taken back: ALTER TABLE "shop_book" DROP COLUMN "code"' in caplog.text
    shop.migrate(ADD_CODE)


def test_signal_has_its_own_meaning_again_afterwards(shop: Shop) -> None:
    shop.migrate(BOOK)
    shop.migrate(ADD_INDEX, ADD_PAGES)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_termination_reaches_the_caller_as_the_end_of_the_process(shop: Shop, observer: Any) -> None:
    shop.migrate(BOOK)

    def terminate_afterwards(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if "ADD COLUMN" in sql:
            signal.raise_signal(signal.SIGTERM)
        return result

    with shop.connection.execute_wrapper(terminate_afterwards), pytest.raises(SystemExit) as ended:
        shop.migrate(ADD_CODE)
    assert ended.value.code == 143
    assert run(observer, COLUMNS) == []
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    shop.migrate(ADD_CODE)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_somebodys_own_handler_is_left_alone(shop: Shop, number: signal.Signals) -> None:
    seen: list[Any] = []

    def handler(*arguments: Any) -> None:
        seen.append(arguments)

    before = signal.signal(number, handler)
    try:
        shop.migrate(BOOK)
        press = migrations.RunPython(lambda *_: signal.raise_signal(number))
        shop.migrate(press, ADD_PAGES)
        assert signal.getsignal(number) is handler
        assert len(seen) == 1
    finally:
        signal.signal(number, before)
