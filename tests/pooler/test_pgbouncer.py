"""Migrations through PgBouncer: short steps and validations work, a statement CONCURRENTLY needs a session."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.postgres.operations import ValidateConstraint
from django.db import OperationalError, migrations, models, transaction

from django_zero_downtime_migrations.errors import CannotMigrate
from django_zero_downtime_migrations.execution.session import timeouts
from django_zero_downtime_migrations.execution.session.pooler import (
    ALONE,
    Pooling,
    find_pooling,
    refuse_transaction_pooler,
)
from tests.backends.project import Shop, Site
from tests.backends.sessions import Beside, blocked_query, run, told, wait_until

ID = ("id", models.BigAutoField(primary_key=True))
AUTHOR = migrations.CreateModel("author", [ID])
BOOK = migrations.CreateModel("book", [ID, ("title", models.CharField(max_length=20, null=True))])
ADD_PAGES = migrations.AddField("book", "pages", models.IntegerField(null=True))
ADD_INDEX = migrations.AddIndex("book", models.Index(fields=["title"], name="by_title"))
ADD_CODE = migrations.AddField("book", "code", models.IntegerField(null=True, unique=True))
VALIDATE = ValidateConstraint("book", "positive")
VALIDATED = {
    "not null": migrations.AlterField("book", "title", models.CharField(max_length=20, default="")),
    "positive": migrations.AddField("book", "pages", models.PositiveIntegerField(null=True)),
    "foreign key": migrations.AddField(
        "book", "author", models.ForeignKey("shop.author", models.CASCADE, null=True, db_index=False)
    ),
}
POOLS: dict[str, dict[str, Any]] = {
    "as installed": {},
    "one server connection": {"default_pool_size": 1},
    "in turns": {"server_round_robin": 1, "min_pool_size": 4},
}
by_pool = pytest.mark.parametrize("options", POOLS.values(), ids=POOLS)
TIMEOUTS = "SELECT current_setting('lock_timeout'), current_setting('statement_timeout')"
OTHERS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
#: What a session of the pool has that its next client would get, and what a step may have left.
STEADY = """
SELECT (SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
        WHERE d.datname = current_database() AND l.locktype = 'advisory'),
    (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_index WHERE NOT indisvalid)
"""
WAITED = """
SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
AND now() - query_start > interval '400 ms'
"""


@pytest.fixture
def brief(observer: Any) -> str:
    """The lock_timeout that new sessions of the database have."""
    [(name,)] = run(observer, "SELECT current_database()")
    run(observer, f"ALTER DATABASE {name} SET lock_timeout = '100ms'")
    return "100ms"


@pytest.fixture
def timeouts_of(settings: Any) -> Callable[..., None]:
    def give(**values: Any) -> None:
        for name, value in values.items():
            setattr(settings, f"ZERO_DOWNTIME_MIGRATIONS_{name}", value)

    return give


def filled(shop: Shop) -> Shop:
    shop.migrate(AUTHOR, BOOK)
    shop.run("INSERT INTO shop_author DEFAULT VALUES")
    shop.run("INSERT INTO shop_book (title) SELECT 'title ' || n FROM generate_series(1, 100) n")
    return shop


def left_behind(
    shop: Shop, pooled: Callable[..., Shop], observer: Any, one_by_one: bool = False
) -> set[tuple[Any, ...]]:
    """The timeouts of every server connection of the pool: clients that hold a transaction each have one each.

    `one_by_one`: the pooler takes one client, which has had one server connection.
    """
    pids = {pid for (pid,) in run(observer, OTHERS)}
    if one_by_one:
        assert len(pids) == 1
    found: set[tuple[Any, ...]] = set()
    clients = [pooled(like=shop) for _ in pids]
    try:
        for client in clients:
            client.connection.set_autocommit(False)
            found |= set(client.run(TIMEOUTS))
    finally:
        for client in clients:
            client.connection.close()
    return found


# A pool of transactions


OWN_SQL = {
    "build": "CREATE INDEX CONCURRENTLY by_title ON shop_book (title)",
    "removal": "DROP INDEX CONCURRENTLY IF EXISTS by_title",
    "another build": "REINDEX (VERBOSE) TABLE CONCURRENTLY shop_book",
    "after a comment": "-- the usual order\nCREATE UNIQUE INDEX CONCURRENTLY once ON shop_book (title);",
}
OWN = {name: migrations.RunSQL(sql) for name, sql in OWN_SQL.items()}


@by_pool
@pytest.mark.parametrize("operation", [ADD_INDEX, ADD_CODE, *OWN.values()], ids=["index", "unique field", *OWN])
def test_transaction_pool_refuses_a_concurrent_step_before_anything_is_sent(
    pooled: Callable[..., Shop], dump: Any, operation: Any, options: dict[str, Any]
) -> None:
    shop = filled(pooled("transaction", **options))
    before = dump(shop.connection)
    with pytest.raises(CannotMigrate, match="gives each transaction a server connection of its own") as caught:
        shop.migrate(operation)
    assert dump(shop.connection) == before
    assert "CONCURRENTLY" in str(caught.value).partition("Nothing of this was sent:")[2]
    assert "direct, or pooled by session" in str(caught.value)
    assert "can be run again" in told(caught.value)


@pytest.mark.parametrize("sql", ["VACUUM shop_book", "SELECT 'CREATE INDEX CONCURRENTLY'"])
def test_transaction_pool_takes_own_sql_that_leaves_nothing_when_it_is_ended(
    pooled: Callable[..., Shop], sql: str
) -> None:
    filled(pooled("transaction")).migrate(migrations.RunSQL(sql), atomic=False)


def test_transaction_pool_takes_own_builds_where_nothing_is_in_use(
    site: Site, pooled: Callable[..., Shop], observer: Any
) -> None:
    site.add(BOOK)
    site.add(OWN["build"], atomic=False)
    site.database |= {"HOST": "127.0.0.1", "PORT": pooled("transaction").connection.settings_dict["PORT"]}
    site.migrate()
    assert run(observer, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_title'::regclass") == [(True,)]


@pytest.mark.parametrize("together", [True, False], ids=["one migration", "two"])
@pytest.mark.parametrize("raises", [True, False])
@pytest.mark.parametrize("build", [ADD_INDEX, OWN["build"]], ids=["AddIndex", "RunSQL"])
def test_transaction_pool_refuses_the_whole_run_before_its_first_statement(
    pooled: Callable[..., Shop], site: Site, observer: Any, build: Any, together: bool, raises: bool
) -> None:
    site.settings["INSTALLED_APPS"] = ["django_zero_downtime_migrations", "shop"]
    site.settings["ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE"] = raises
    site.settings["ZERO_DOWNTIME_MIGRATIONS_IDEMPOTENT_SQL"] = False
    site.add(BOOK)
    site.migrate()
    direct = site.database["PORT"]
    site.database |= {"HOST": "127.0.0.1", "PORT": pooled("transaction").connection.settings_dict["PORT"]}
    for operations in [(ADD_PAGES, build)] if together else [(ADD_PAGES,), (build,)]:
        site.add(*operations)
    said = site.refused()
    assert "gives each transaction a server connection of its own" in said
    assert f"{type(build).__name__} (shop.{site.names[-1]})" in said
    assert "Nothing has been applied. 1 operation is refused:" in said
    assert "Traceback" not in said
    columns = "SELECT 1 FROM pg_attribute WHERE attrelid = 'shop_book'::regclass AND attname = 'pages'"
    assert run(observer, columns) == []
    site.database["PORT"] = direct
    site.migrate()
    assert run(observer, columns) == [(1,)]


def test_transaction_pool_is_found_while_other_clients_use_it(pooled: Callable[..., Shop]) -> None:
    shop = filled(pooled("transaction", default_pool_size=5))
    others = [pooled(like=shop) for _ in range(3)]
    for other in others:
        other.connection.set_autocommit(False)
        other.run("SELECT 1")
    with pytest.raises(CannotMigrate):
        shop.migrate(ADD_INDEX)
    for other in others:
        other.connection.rollback()


def test_transaction_pool_is_found_when_it_has_no_connection_left_for_two(pooled: Callable[..., Shop]) -> None:
    connection = pooled("transaction", default_pool_size=1).connection
    connection.ensure_connection()
    no_process_of_ours = 0
    assert find_pooling(connection, no_process_of_ours).pooling is Pooling.TRANSACTION


def test_what_the_migration_made_before_a_refused_step_goes_again(pooled: Callable[..., Shop], dump: Any) -> None:
    shop = filled(pooled("transaction"))
    before = dump(shop.connection)
    with pytest.raises(CannotMigrate):
        shop.migrate(migrations.CreateModel("shelf", [ID]), ADD_INDEX)
    assert dump(shop.connection) == before


def test_pool_of_statements_refuses_a_concurrent_step_too(pooled: Callable[..., Shop]) -> None:
    connection = pooled("statement").connection
    connection.ensure_connection()
    session = timeouts.session(connection)
    assert find_pooling(connection, session.pid).pooling is Pooling.STATEMENT
    with pytest.raises(CannotMigrate, match="takes no transaction"):
        refuse_transaction_pooler(connection, session, ALONE, "the build")


# Where a second client is not served


def test_pooler_that_refuses_a_second_client_is_not_taken_for_one_of_sessions(
    pooled: Callable[..., Shop], observer: Any, brief: str
) -> None:
    shop = filled(pooled("transaction", max_client_conn=1))
    before = run(observer, STEADY)
    with pytest.raises(CannotMigrate, match="could not be found out") as caught:
        shop.migrate(ADD_INDEX)
    assert "max_client_conn" in str(caught.value)
    assert "Nothing of this was sent: CREATE INDEX CONCURRENTLY" in str(caught.value)
    assert run(observer, STEADY) == before
    # Without another look the pool is one of transactions to us: what is sent in one goes through.
    shop.migrate(ADD_PAGES)
    shop.connection.close()
    assert left_behind(shop, pooled, observer, one_by_one=True) == {(brief, "0")}


def test_second_client_that_may_not_log_in_leaves_it_open_what_the_pooler_does(
    pooled: Callable[..., Shop], monkeypatch: Any
) -> None:
    shop = filled(pooled("session"))
    monkeypatch.setitem(shop.connection.settings_dict, "USER", "expired")
    with pytest.raises(CannotMigrate, match="could not be found out"):
        shop.migrate(ADD_INDEX)


def test_lock_timeout_for_the_session_is_refused_where_a_second_client_is(
    pooled: Callable[..., Shop], observer: Any, timeouts_of: Callable[..., None]
) -> None:
    shop = filled(pooled("transaction", max_client_conn=1))
    timeouts_of(LOCK_TIMEOUT="100ms", LOCK_TIMEOUT_FORCE=True)
    with pytest.raises(CannotMigrate, match=r"could not be found out.* LOCK_TIMEOUT_FORCE"):
        shop.migrate(RAW)
    shop.connection.close()
    assert left_behind(shop, pooled, observer, one_by_one=True) == {("0", "0")}


@pytest.mark.parametrize("name", VALIDATED)
def test_transaction_pool_takes_short_steps_and_validations(
    pooled: Callable[..., Shop], observer: Any, timeouts_of: Callable[..., None], name: str
) -> None:
    timeouts_of(LOCK_TIMEOUT="1s", FLEXIBLE_STATEMENT_TIMEOUT=True)
    shop = filled(pooled("transaction"))
    shop.migrate(VALIDATED[name])
    assert run(observer, "SELECT count(*) FROM pg_constraint WHERE NOT convalidated") == [(0,)]
    assert left_behind(shop, pooled, observer) == {("0", "0")}
    shop.unapply()


def test_lock_timeout_holds_in_a_transaction_pool_and_is_not_left_there(
    pooled: Callable[..., Shop], other_session: Any, observer: Any, timeouts_of: Callable[..., None]
) -> None:
    timeouts_of(LOCK_TIMEOUT="100ms", STATEMENT_TIMEOUT="1h")
    shop = filled(pooled("transaction"))
    run(other_session, "SELECT 1 FROM shop_book")
    with pytest.raises(OperationalError, match="lock timeout"):
        shop.migrate(ADD_PAGES)
    other_session.rollback()
    assert left_behind(shop, pooled, observer) == {("0", "0")}
    shop.migrate(ADD_PAGES)


def test_validation_in_a_transaction_pool_waits_for_longer_than_the_database_allows(
    pooled: Callable[..., Shop], other_session: Any, observer: Any, brief: str, timeouts_of: Callable[..., None]
) -> None:
    timeouts_of(LOCK_TIMEOUT="1h", FLEXIBLE_STATEMENT_TIMEOUT=True)
    shop = filled(pooled("transaction"))
    shop.run("ALTER TABLE shop_book ADD CONSTRAINT positive CHECK (id > 0) NOT VALID")
    run(other_session, "LOCK TABLE shop_book IN SHARE UPDATE EXCLUSIVE MODE")
    with Beside(lambda: shop.migrate(VALIDATE)) as work:
        wait_until(lambda: run(observer, WAITED), "the validation waits for longer than the database allows", work)
        assert "VALIDATE CONSTRAINT" in blocked_query(observer)
        other_session.rollback()
        work.result()
    assert left_behind(shop, pooled, observer) == {(brief, "0")}


# A pool of sessions


@by_pool
def test_session_pool_takes_every_step(
    pooled: Callable[..., Shop], observer: Any, timeouts_of: Callable[..., None], options: dict[str, Any]
) -> None:
    timeouts_of(LOCK_TIMEOUT="1s", FLEXIBLE_STATEMENT_TIMEOUT=True)
    shop = filled(pooled("session", **options))
    shop.migrate(ADD_INDEX, ADD_CODE)
    valid = "SELECT count(*) FROM pg_index WHERE indrelid = 'shop_book'::regclass AND indisvalid"
    assert run(observer, valid) == [(3,)]


def test_concurrent_step_in_a_session_pool_waits_for_longer_than_the_database_allows(
    pooled: Callable[..., Shop], other_session: Any, observer: Any, brief: str, timeouts_of: Callable[..., None]
) -> None:
    timeouts_of(LOCK_TIMEOUT="1h", FLEXIBLE_STATEMENT_TIMEOUT=True)
    shop = filled(pooled("session"))
    run(other_session, "INSERT INTO shop_book (title) VALUES ('x')")

    def migrate() -> list[Any]:
        shop.migrate(ADD_INDEX)
        return shop.run(TIMEOUTS)

    with Beside(migrate) as work:
        wait_until(lambda: run(observer, WAITED), "the build waits for longer than the database allows", work)
        other_session.rollback()
        assert work.result() == [(brief, "0")]


def test_progress_in_a_session_pool_is_that_of_the_servers_own_process(
    pooled: Callable[..., Shop], other_session: Any, caplog: Any
) -> None:
    shop = filled(pooled("session"))
    [(pid,)] = run(other_session, "SELECT pg_backend_pid()")
    run(other_session, "INSERT INTO shop_book (title) VALUES ('x')")
    with Beside(lambda: shop.migrate(ADD_INDEX)) as work:
        wait_until(lambda: f"Waits for pid {pid} " in caplog.text, "it says for whom it waits", work)
        other_session.rollback()
    assert "waiting for writers before build" in caplog.text


def test_ctrl_c_reaches_the_server_through_a_session_pool(
    pooled: Callable[..., Shop], other_session: Any, observer: Any
) -> None:
    shop = filled(pooled("session"))
    run(other_session, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT 1")

    def interrupt() -> None:
        wait_until(lambda: run(observer, WAITED), "the build waits for the snapshot")
        os.kill(os.getpid(), signal.SIGINT)

    with Beside(interrupt), pytest.raises(KeyboardInterrupt):
        shop.migrate(ADD_INDEX)
    assert run(observer, "SELECT 1 FROM pg_class WHERE relname = 'by_title'") == []
    other_session.rollback()
    shop.migrate(ADD_INDEX)


# LOCK_TIMEOUT_FORCE


RAW = migrations.RunSQL("ALTER TABLE shop_book ADD COLUMN pages integer")


def test_transaction_pool_refuses_a_lock_timeout_for_the_session(
    pooled: Callable[..., Shop], observer: Any, timeouts_of: Callable[..., None]
) -> None:
    shop = filled(pooled("transaction"))
    timeouts_of(LOCK_TIMEOUT="100ms", LOCK_TIMEOUT_FORCE=True)
    with pytest.raises(CannotMigrate, match="LOCK_TIMEOUT_FORCE"):
        shop.migrate(RAW)
    assert left_behind(shop, pooled, observer) == {("0", "0")}


def test_session_pool_gives_own_statements_the_lock_timeout_and_forgets_it(
    pooled: Callable[..., Shop], other_session: Any, timeouts_of: Callable[..., None]
) -> None:
    shop = filled(pooled("session"))
    timeouts_of(LOCK_TIMEOUT="100ms", LOCK_TIMEOUT_FORCE=True)
    run(other_session, "SELECT 1 FROM shop_book")
    with pytest.raises(OperationalError, match="lock timeout"):
        shop.migrate(RAW)
    assert shop.run(TIMEOUTS) == [("0", "0")]


def test_callers_transaction_in_a_transaction_pool_takes_the_lock_timeout_with_it(
    pooled: Callable[..., Shop], observer: Any, timeouts_of: Callable[..., None]
) -> None:
    shop = filled(pooled("transaction"))
    timeouts_of(LOCK_TIMEOUT="100ms", LOCK_TIMEOUT_FORCE=True)
    with transaction.atomic(shop.alias):
        with shop.connection.schema_editor() as editor:
            editor.execute("ALTER TABLE shop_book ADD COLUMN pages integer")
            assert shop.run(TIMEOUTS)[0][0] == "100ms"
        assert shop.run(TIMEOUTS) == [("0", "0")]
    assert left_behind(shop, pooled, observer) == {("0", "0")}


# The command


def test_migrate_says_what_to_do(site: Site, pooled: Callable[..., Shop]) -> None:
    site.add(AUTHOR, BOOK)
    site.migrate()
    site.add(ADD_INDEX)
    direct = site.database["PORT"]
    site.database["PORT"] = pooled("transaction").connection.settings_dict["PORT"]
    assert "Run migrate on a connection that is direct" in site.refused()
    site.database["PORT"] = direct
    site.migrate()
