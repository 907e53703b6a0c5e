"""Timeouts of short and long steps, asked of the server while a step waits, and their values afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from typing import Any

import django
import pytest
from django.db import DatabaseError, OperationalError, migrations, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from tests import databases
from tests.backends.project import Shop
from tests.backends.sessions import Beside, blocked_query, run, told, wait_until

#: The editor warns so of tables in use that are scanned inside a transaction; here that is on purpose.
pytestmark = pytest.mark.filterwarnings("ignore:A statement that scans or builds inside a transaction")

ID = ("id", models.BigAutoField(primary_key=True))
BOOK = migrations.CreateModel("book", [ID, ("title", models.CharField(max_length=20, null=True))])
ADD_PAGES = migrations.AddField("book", "pages", models.IntegerField(null=True))
ADD_INDEX = migrations.AddIndex("book", models.Index(fields=["title"], name="by_title"))
ADD_UNIQUE = migrations.AddConstraint("book", models.UniqueConstraint(fields=["title"], name="one_title"))
ADD_KEY = migrations.AddField("book", "author", models.ForeignKey("shop.author", models.CASCADE, null=True))

LOCAL = "SET LOCAL synchronous_commit = local"
READS = "SELECT 1 FROM shop_book"
WRITES = "INSERT INTO shop_book (title) VALUES ('mine')"
#: The transactions that the server has waited for, for longer than a timeout of a tenth of a second allows.
WAITED = """
SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
AND now() - query_start > interval '400 ms'
"""
WAITED_LONG = WAITED.replace("400 ms", "2500 ms")
EVERYTHING = "SELECT name, setting FROM pg_settings ORDER BY name"


def zero_downtime(**values: Any) -> dict[str, Any]:
    return {f"ZERO_DOWNTIME_MIGRATIONS_{name}": value for name, value in values.items()}


@pytest.fixture
def books(shop: Shop) -> Shop:
    """A table in use."""
    shop.migrate(migrations.CreateModel("author", [ID]), BOOK)
    return shop


@pytest.fixture
def timeouts(settings: Any) -> Callable[..., None]:
    def give(**values: Any) -> None:
        for name, value in zero_downtime(**values).items():
            setattr(settings, name, value)

    return give


# Short steps


def test_short_step_sends_its_timeouts_in_one_round_trip_with_its_statement(
    books: Shop, other_session: Any, observer: Any, timeouts: Callable[..., None]
) -> None:
    timeouts(LOCK_TIMEOUT="10min")
    run(other_session, READS)
    with Beside(lambda: books.migrate(ADD_PAGES)) as work:
        query = blocked_query(observer)
        other_session.rollback()
        work.result()
    assert query == (
        "SET LOCAL lock_timeout = 600000; SET LOCAL statement_timeout = 660000; "
        f'ALTER TABLE "shop_book" ADD COLUMN "pages" integer NULL; {LOCAL}'
    )


def test_statement_timeout_of_its_own_counts_for_short_steps(
    books: Shop, other_session: Any, observer: Any, timeouts: Callable[..., None]
) -> None:
    timeouts(LOCK_TIMEOUT="10min", STATEMENT_TIMEOUT="20min")
    run(other_session, READS)
    with Beside(lambda: books.migrate(ADD_PAGES)) as work:
        query = blocked_query(observer)
        other_session.rollback()
        work.result()
    assert query.startswith("SET LOCAL lock_timeout = 600000; SET LOCAL statement_timeout = 1200000; ALTER TABLE")


def test_short_step_without_settings_has_no_timeouts(books: Shop, other_session: Any, observer: Any) -> None:
    run(other_session, READS)
    with Beside(lambda: books.migrate(ADD_PAGES)) as work:
        query = blocked_query(observer)
        other_session.rollback()
        work.result()
    assert query == f'ALTER TABLE "shop_book" ADD COLUMN "pages" integer NULL; {LOCAL}'


def test_foreign_key_of_a_new_table_has_timeouts_for_the_lock_on_the_table_it_points_to(
    books: Shop, other_session: Any, observer: Any, timeouts: Callable[..., None]
) -> None:
    timeouts(LOCK_TIMEOUT="10min")
    run(other_session, WRITES)
    pointing = migrations.CreateModel("page", [ID, ("book", models.ForeignKey("shop.book", models.CASCADE))])
    with Beside(lambda: books.migrate(pointing)) as work:
        query = blocked_query(observer)
        other_session.rollback()
        work.result()
    assert query.startswith("SET LOCAL lock_timeout = 600000; SET LOCAL statement_timeout = 660000; ")
    assert 'REFERENCES "shop_book"' in query


def test_lock_timeout_stops_a_short_step_and_says_which_and_what_to_do(
    books: Shop, other_session: Any, timeouts: Callable[..., None]
) -> None:
    timeouts(LOCK_TIMEOUT="50ms", STATEMENT_TIMEOUT="1h")
    run(other_session, READS)
    with pytest.raises(OperationalError, match="lock timeout") as caught:
        books.migrate(ADD_PAGES)
    text = told(caught.value)
    assert 'ALTER TABLE "shop_book" ADD COLUMN "pages"' in text
    assert 'ACCESS EXCLUSIVE on "shop_book"' in text
    assert "LOCK_TIMEOUT" in text
    assert "run the migration again" in text
    other_session.rollback()
    books.migrate(ADD_PAGES)


def test_statement_timeout_bounds_a_step_that_has_one_lock_and_waits_for_another(
    books: Shop, other_session: Any, timeouts: Callable[..., None]
) -> None:
    timeouts(LOCK_TIMEOUT="1h", STATEMENT_TIMEOUT="100ms")
    # The child is free, and the server locks it first; the parent is busy.
    run(other_session, "INSERT INTO shop_author DEFAULT VALUES")
    with pytest.raises(OperationalError, match="statement timeout") as caught:
        books.migrate(ADD_KEY)
    assert 'SHARE ROW EXCLUSIVE on "shop_author"' in told(caught.value)
    assert "STATEMENT_TIMEOUT" in told(caught.value)


def test_readers_behind_a_short_step_go_on_when_its_lock_timeout_is_over(
    books: Shop, other_session: Any, open_session: Callable[..., Any], timeouts: Callable[..., None]
) -> None:
    timeouts(LOCK_TIMEOUT="100ms")
    run(other_session, READS)
    reader = open_session(autocommit=True)
    with Beside(lambda: books.migrate(ADD_PAGES)) as work:
        # The reader ends although `other_session` keeps its lock, whether it queues behind the step or comes before it.
        run(reader, READS)
        with pytest.raises(OperationalError):
            work.result()


def test_lock_timeout_of_zero_means_no_limit_whatever_the_session_has(
    books: Shop, other_session: Any, observer: Any, timeouts: Callable[..., None], dump: Any
) -> None:
    timeouts(LOCK_TIMEOUT=0, STATEMENT_TIMEOUT=0)
    run(observer, f"ALTER DATABASE {books.connection.settings_dict['NAME']} SET lock_timeout = '100ms'")
    run(other_session, READS)
    with Beside(lambda: books.migrate(ADD_PAGES)) as work:
        wait_until(lambda: run(observer, WAITED), "the step waits for longer than the database's lock_timeout", work)
        other_session.rollback()
        work.result()


# Long steps


def test_long_step_waits_for_longer_than_lock_timeout(
    books: Shop, other_session: Any, observer: Any, timeouts: Callable[..., None]
) -> None:
    timeouts(LOCK_TIMEOUT="100ms")
    run(other_session, WRITES)
    with Beside(lambda: books.migrate(ADD_INDEX)) as work:
        wait_until(lambda: run(observer, WAITED), "the build waits for longer than LOCK_TIMEOUT", work)
        other_session.rollback()
        work.result()


def test_flexible_statement_timeout_frees_long_steps_from_the_timeouts_of_the_database(
    books: Shop, other_session: Any, observer: Any, timeouts: Callable[..., None]
) -> None:
    timeouts(LOCK_TIMEOUT="100ms", FLEXIBLE_STATEMENT_TIMEOUT=True)
    name = books.connection.settings_dict["NAME"]
    # Questions to the catalogue stand under it as well, and a busy machine takes its time.
    run(observer, f"ALTER DATABASE {name} SET statement_timeout = '2s'")
    run(observer, f"ALTER DATABASE {name} SET lock_timeout = '100ms'")
    run(other_session, WRITES)

    def migrate() -> list[Any]:
        books.migrate(ADD_INDEX)
        return books.run("SELECT current_setting('lock_timeout'), current_setting('statement_timeout')")

    with Beside(migrate) as work:
        wait_until(lambda: run(observer, WAITED_LONG), "the build waits for longer than the database allows", work)
        other_session.rollback()
        assert work.result() == [("100ms", "2s")]


def test_without_flexible_statement_timeout_the_database_has_its_way_with_long_steps(
    books: Shop, other_session: Any, observer: Any, timeouts: Callable[..., None]
) -> None:
    timeouts(LOCK_TIMEOUT="1h")
    run(observer, f"ALTER DATABASE {books.connection.settings_dict['NAME']} SET statement_timeout = '2s'")
    run(other_session, WRITES)
    with Beside(lambda: books.migrate(ADD_INDEX)) as work, pytest.raises(OperationalError) as caught:
        work.result()
    # Its remains cannot be dropped either while the other transaction is open.
    other_session.rollback()
    [way_out] = [line for line in told(caught.value).splitlines() if "before you migrate again: " in line]
    run(observer, way_out.partition("before you migrate again: ")[2])
    books.migrate(ADD_INDEX)
    assert run(observer, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_title'::regclass") == [(True,)]


def test_cancelled_build_leaves_nothing(books: Shop, other_session: Any, observer: Any) -> None:
    run(other_session, WRITES)
    with Beside(lambda: books.migrate(ADD_INDEX)) as work:
        [(pid,)] = wait_until(lambda: run(observer, WAITED), "the build waits", work)
        run(observer, "SELECT pg_cancel_backend(%s)", pid)
        wait_until(lambda: "DROP INDEX" in blocked_query(observer), "the removal of what is left waits")
        other_session.rollback()
        with pytest.raises(OperationalError, match="user request"):
            work.result()
    assert run(observer, "SELECT 1 FROM pg_class WHERE relname = 'by_title'") == []
    books.migrate(ADD_INDEX)


def test_connection_that_is_gone_in_a_long_step_gives_its_own_error(
    books: Shop, other_session: Any, observer: Any, timeouts: Callable[..., None]
) -> None:
    timeouts(LOCK_TIMEOUT="1h", FLEXIBLE_STATEMENT_TIMEOUT=True)
    run(observer, f"ALTER DATABASE {books.connection.settings_dict['NAME']} SET statement_timeout = '1h'")
    run(other_session, WRITES)
    with Beside(lambda: books.migrate(ADD_INDEX)) as work:
        [(pid,)] = wait_until(lambda: run(observer, WAITED), "the build waits", work)
        run(observer, "SELECT pg_terminate_backend(%s)", pid)
        # What is left is taken back on a new connection, which waits for the writer as well.
        other_session.rollback()
        with pytest.raises(OperationalError, match=r"terminating connection|closed the connection") as caught:
            work.result()
    assert "CREATE INDEX CONCURRENTLY" in told(caught.value)


# The user's own statements


RAW = migrations.RunSQL("ALTER TABLE shop_book ADD COLUMN pages integer")


def add_pages(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("ALTER TABLE shop_book ADD COLUMN pages integer")


OWN = pytest.mark.parametrize("operation", [RAW, migrations.RunPython(add_pages)], ids=["RunSQL", "RunPython"])


@OWN
@pytest.mark.parametrize("atomic", [True, False])
def test_own_statements_wait_for_longer_than_lock_timeout(
    books: Shop,
    other_session: Any,
    observer: Any,
    timeouts: Callable[..., None],
    operation: Any,
    atomic: bool,
) -> None:
    timeouts(LOCK_TIMEOUT="100ms")
    run(other_session, READS)
    with Beside(lambda: books.migrate(operation, atomic=atomic)) as work:
        wait_until(lambda: run(observer, WAITED), "the statement waits for longer than LOCK_TIMEOUT", work)
        other_session.rollback()
        work.result()


@OWN
@pytest.mark.parametrize("atomic", [True, False])
def test_lock_timeout_force_covers_own_statements(
    books: Shop, other_session: Any, timeouts: Callable[..., None], operation: Any, atomic: bool
) -> None:
    timeouts(LOCK_TIMEOUT="100ms", LOCK_TIMEOUT_FORCE=True)
    # Without the setting's effect the statement would wait for this for ever.
    run(other_session, READS)
    books.run("SET statement_timeout = '5s'")
    before = books.run(EVERYTHING)
    with pytest.raises(OperationalError, match="lock timeout"):
        books.migrate(operation, atomic=atomic)
    assert books.run(EVERYTHING) == before


# The settings left on the connection


def pools() -> list[dict[str, Any]]:
    """Return what a connection pool needs; none if Django or the driver has no pools."""
    psycopg_3 = databases.driver.__name__ == "psycopg"
    return [{"pool": {"min_size": 1, "max_size": 1}}] if django.VERSION >= (5, 1) and psycopg_3 else []


POOLS = pools()
SESSION = ["SET lock_timeout = '7s'", "SET statement_timeout = '8s'"]
DATABASE = [f"ALTER DATABASE {{database}} {statement}" for statement in SESSION]
#: Options of the connection, what is done to the database before it is opened, and what is done in it.
PREPARED: dict[str, tuple[dict[str, Any], list[str], list[str]]] = {
    "no timeouts": ({}, [], []),
    "timeouts of the session": ({}, [], SESSION),
    "one timeout of the session": ({}, [], SESSION[1:]),
    "timeouts of the database": ({}, DATABASE, []),
}
PREPARED |= {f"timeouts of a session of {next(iter(options))}": (options, [], SESSION) for options in POOLS}


def session_to(connection: BaseDatabaseWrapper) -> AbstractContextManager[Any]:
    return closing(databases.open_session(connection.settings_dict["NAME"], autocommit=True))


@pytest.fixture(params=PREPARED.values(), ids=PREPARED)
def prepared(request: Any, make_connection: Callable[..., BaseDatabaseWrapper], timeouts: Callable[..., None]) -> Shop:
    """A connection with timeouts from somewhere, in a project with all of ours."""
    options, before, inside = request.param
    timeouts(LOCK_TIMEOUT="100ms", STATEMENT_TIMEOUT="5s", FLEXIBLE_STATEMENT_TIMEOUT=True)
    shop = Shop(make_connection(**options))
    with session_to(shop.connection) as session:
        for statement in before:
            run(session, statement.format(database=shop.connection.settings_dict["NAME"]))
    shop.migrate(migrations.CreateModel("author", [ID]), BOOK)
    for statement in inside:
        shop.run(statement)
    return shop


@pytest.fixture
def unchanged(prepared: Shop) -> Iterator[None]:
    """Assert that in the end all settings of the session are what they were, and no transaction is open."""
    before = prepared.run(EVERYTHING)
    [(pid,)] = prepared.run("SELECT pg_backend_pid()")
    yield
    assert not prepared.connection.in_atomic_block
    assert prepared.run("SELECT pg_backend_pid()") == [(pid,)]
    assert prepared.run(EVERYTHING) == before
    with session_to(prepared.connection) as session:
        assert run(session, "SELECT state FROM pg_stat_activity WHERE pid = %s", pid) == [("idle",)]


@pytest.mark.usefixtures("unchanged")
class TestNothingIsLeftOnTheConnection:
    def test_after_success(self, prepared: Shop) -> None:
        prepared.migrate(ADD_PAGES, ADD_INDEX, ADD_KEY)

    def test_after_an_error_in_a_short_step(self, prepared: Shop) -> None:
        prepared.run("ALTER TABLE shop_book ADD COLUMN pages integer")
        with pytest.raises(DatabaseError, match="already exists"):
            prepared.migrate(ADD_PAGES)

    def test_after_an_error_in_a_long_step(self, prepared: Shop) -> None:
        prepared.run("INSERT INTO shop_book (title) VALUES ('a'), ('a')")
        with pytest.raises(DatabaseError, match="could not create unique index"):
            prepared.migrate(ADD_UNIQUE)

    def test_after_an_error_in_a_validation(self, prepared: Shop) -> None:
        prepared.run("INSERT INTO shop_book (title) VALUES (NULL)")
        with pytest.raises(DatabaseError):
            prepared.migrate(migrations.AlterField("book", "title", models.CharField(max_length=20)))

    def test_after_a_lock_timeout(self, prepared: Shop) -> None:
        with session_to(prepared.connection) as session:
            run(session, "BEGIN")
            run(session, READS)
            with pytest.raises(OperationalError, match="lock timeout"):
                prepared.migrate(ADD_PAGES)

    def test_after_a_short_step_inside_a_transaction(self, prepared: Shop) -> None:
        with transaction.atomic(prepared.alias):
            before = prepared.run(EVERYTHING)
            prepared.migrate(ADD_PAGES, ADD_INDEX)
            assert prepared.run(EVERYTHING) == before

    def test_after_a_lock_timeout_inside_a_savepoint(self, prepared: Shop) -> None:
        with session_to(prepared.connection) as session, transaction.atomic(prepared.alias):
            before = prepared.run(EVERYTHING)
            run(session, "BEGIN")
            run(session, READS)
            with pytest.raises(OperationalError, match="lock timeout"), transaction.atomic(prepared.alias):
                prepared.migrate(ADD_PAGES)
            assert prepared.run(EVERYTHING) == before

    def test_after_an_editor_that_only_collects(self, prepared: Shop) -> None:
        assert prepared.collected(ADD_PAGES, ADD_INDEX, ADD_KEY)


if POOLS:

    @pytest.mark.parametrize("options", POOLS, ids=["pool"])
    def test_pool_gets_its_connection_back_as_it_was(
        make_connection: Callable[..., BaseDatabaseWrapper], timeouts: Callable[..., None], options: dict[str, Any]
    ) -> None:
        timeouts(LOCK_TIMEOUT="100ms", FLEXIBLE_STATEMENT_TIMEOUT=True)
        connection = make_connection(**options)
        shop = Shop(connection)
        shop.migrate(BOOK)
        before = shop.run(EVERYTHING)
        [(pid,)] = shop.run("SELECT pg_backend_pid()")
        shop.run("INSERT INTO shop_book (title) VALUES ('a'), ('a')")
        with pytest.raises(DatabaseError):
            shop.migrate(ADD_PAGES, ADD_UNIQUE)
        connection.close()
        assert shop.run("SELECT pg_backend_pid()") == [(pid,)]
        assert shop.run(EVERYTHING) == before


END_IDLE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND state = 'idle in transaction'
"""


def test_settings_of_one_database_do_not_count_for_another(
    make_connection: Callable[..., BaseDatabaseWrapper], open_session: Callable[..., Any]
) -> None:
    patient = Shop(make_connection(ZERO_DOWNTIME_MIGRATIONS={"LOCK_TIMEOUT": "10min"}))
    hasty = Shop(make_connection(ZERO_DOWNTIME_MIGRATIONS={"LOCK_TIMEOUT": "50ms"}))
    for shop in (patient, hasty):
        shop.migrate(BOOK)
        run(open_session(shop.connection), READS)
    watch = open_session(patient.connection, autocommit=True)
    with pytest.raises(OperationalError, match="lock timeout"):
        hasty.migrate(ADD_PAGES)
    with Beside(lambda: patient.migrate(ADD_PAGES)):
        assert "SET LOCAL lock_timeout = 600000" in blocked_query(watch)
        # The setting is this database's alone: tests that run beside this one share the server.
        run(watch, END_IDLE)
