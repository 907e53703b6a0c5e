"""One `migrate` at a time through PgBouncer: by a transaction beside where it pools transactions, since a lock of the
session would be strangers'.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from django.db import connections, migrations, models, transaction

from django_zero_downtime_migrations.errors import CannotMigrate
from django_zero_downtime_migrations.execution.one_migrate import lease
from django_zero_downtime_migrations.execution.one_migrate.one_at_a_time import take_turn
from django_zero_downtime_migrations.execution.one_migrate.turn import Turn
from tests import databases
from tests.backends.project import Shop, Site
from tests.backends.sessions import Beside, run, wait_until
from tests.execution.another_process import process

LOCKS = """
SELECT a.state FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND a.datname = current_database()
"""
OBJECTS = "SELECT count(*) FROM pg_class"
POOLS: dict[str, dict[str, Any]] = {
    "transaction": {},
    "transaction, two server connections": {"default_pool_size": 2},
    "transaction, in turns": {"server_round_robin": 1, "min_pool_size": 4},
    "session": {},
}
BY_LEASE = [name for name in POOLS if name != "session"]
#: Where nothing keeps other runs out.
NO_WAY: dict[str, tuple[dict[str, Any], str]] = {
    "statement": ({}, "takes no transaction"),
    "transaction, one server connection": ({"default_pool_size": 1}, "a second server connection"),
    "transaction, one client": ({"max_client_conn": 1}, "could not be found out"),
    "session, one client": ({"max_client_conn": 1}, "could not be found out"),
}


@pytest.fixture
def pool(pooled: Callable[..., Shop], request: Any) -> Shop:
    return pooled(request.param.partition(",")[0], **POOLS[request.param])


def take(shop: Shop, timeout_ms: int | None = 0) -> Turn:
    return take_turn(connections[shop.alias], timeout_ms)


each = pytest.mark.parametrize("pool", POOLS, indirect=True)
by_lease = pytest.mark.parametrize("pool", BY_LEASE, indirect=True)


@by_lease
def test_a_pool_that_shares_connections_has_a_lock_in_a_transaction(pool: Shop, observer: Any) -> None:
    before = run(observer, OBJECTS)
    turn = take(pool)
    assert run(observer, LOCKS) == [("idle in transaction",)]
    assert pool.run("SELECT 1") == [(1,)]
    assert run(observer, OBJECTS) == before
    turn.renew()
    turn.release()
    assert run(observer, LOCKS) == []


@pytest.mark.parametrize("pool", ["session"], indirect=True)
def test_a_pool_of_sessions_has_a_lock_of_the_session(pool: Shop, observer: Any) -> None:
    turn = take(pool)
    assert run(observer, LOCKS) == [("idle",)]
    turn.release()
    assert run(observer, LOCKS) == []


def test_a_full_pool_of_sessions_has_a_lock_of_the_session(pooled: Callable[..., Shop], observer: Any) -> None:
    turn = take(pooled("session", default_pool_size=1))
    assert run(observer, LOCKS) == [("idle",)]
    turn.release()


@pytest.mark.parametrize("name", NO_WAY)
def test_where_nothing_keeps_others_out_it_is_refused_at_the_beginning(
    pooled: Callable[..., Shop], observer: Any, name: str
) -> None:
    options, why = NO_WAY[name]
    pool = pooled(name.partition(",")[0], **options)
    before = run(observer, OBJECTS)
    with pytest.raises(CannotMigrate, match=f"{why}.* Nothing was sent"):
        take(pool)
    assert run(observer, OBJECTS) == before
    assert run(observer, LOCKS) == []
    assert pool.run("SELECT 1") == [(1,)]


@pytest.mark.parametrize("name", NO_WAY)
def test_migrate_leaves_nothing_there(
    site: Site, pooled: Callable[..., Shop], observer: Any, settings: Any, name: str
) -> None:
    site.add(migrations.CreateModel("book", [("id", models.BigAutoField(primary_key=True))]))
    site.migrate()
    site.add(migrations.AddField("book", "pages", models.IntegerField(null=True)))
    site.database["ZERO_DOWNTIME_MIGRATIONS"] = {"IDEMPOTENT_SQL": True}
    before = run(observer, OBJECTS + " JOIN pg_attribute ON attrelid = pg_class.oid")
    site.database["PORT"] = pooled(name.partition(",")[0], **NO_WAY[name][0]).connection.settings_dict["PORT"]
    site.database["HOST"] = "127.0.0.1"
    assert "Nothing was sent" in site.refused()
    assert run(observer, OBJECTS + " JOIN pg_attribute ON attrelid = pg_class.oid") == before


@pytest.mark.parametrize("name", [name for name in NO_WAY if not name.startswith("statement")])
def test_migrate_goes_on_without_a_journal_where_nobody_has_asked_for_one(
    site: Site, pooled: Callable[..., Shop], observer: Any, name: str
) -> None:
    site.add(migrations.CreateModel("book", [("id", models.BigAutoField(primary_key=True))]))
    site.migrate()
    site.add(migrations.AddField("book", "pages", models.IntegerField(null=True)))
    site.database["PORT"] = pooled(name.partition(",")[0], **NO_WAY[name][0]).connection.settings_dict["PORT"]
    site.database["HOST"] = "127.0.0.1"
    said = site.migrate()
    assert "the next one will not go on where it stopped" in said
    assert "Nothing was sent" not in said
    assert run(observer, "SELECT attname::text FROM pg_attribute WHERE attname = 'pages'") == [("pages",)]


def test_a_killed_process_leaves_the_turn_to_the_next(pooled: Callable[..., Shop]) -> None:
    pool = pooled("transaction")
    with process(pool.connection) as other:
        with pytest.raises(CannotMigrate, match=f"process {other.pid} on "):
            take(pool)
        other.kill()
        take(pool, None).release()


@each
def test_the_second_client_is_refused_while_the_first_has_its_turn(pool: Shop, pooled: Callable[..., Shop]) -> None:
    turn = take(pool)
    with pytest.raises(CannotMigrate, match="Another migrate is at work"):
        take(pooled(like=pool))
    turn.release()
    take(pooled(like=pool)).release()


@each
def test_the_second_client_goes_on_when_the_first_has_ended(
    pool: Shop, pooled: Callable[..., Shop], observer: Any, caplog: Any
) -> None:
    second = pooled(like=pool)

    def work() -> bool:
        turn = take(second, None)
        turn.release()
        return turn.waited

    turn = take(pool)
    with Beside(work) as waiting:
        wait_until(lambda: "Another migrate is at work" in caplog.text, "the second waits", waiting)
        turn.release()
        assert waiting.result()
    assert run(observer, LOCKS) == []


@by_lease
def test_who_goes_past_the_pooler_waits_as_well(pool: Shop, make_connection: Callable[..., Any], database: Any) -> None:
    direct = make_connection(name=database.settings_dict["NAME"])
    turn = take(pool)
    with pytest.raises(CannotMigrate, match=f"process {os.getpid()} on "):
        take_turn(direct, 0)
    turn.release()
    past = take_turn(direct, 0)
    with pytest.raises(CannotMigrate, match="pg_terminate_backend"):
        take(pool)
    past.release()


@pytest.mark.parametrize("pool", ["transaction", "session"], indirect=True)
def test_in_a_transaction_of_the_callers_the_lock_ends_with_it(
    pool: Shop, pooled: Callable[..., Shop], observer: Any
) -> None:
    with transaction.atomic(pool.alias):
        turn = take(pool)
        with pytest.raises(CannotMigrate):
            take(pooled(like=pool))
        turn.release()
    assert run(observer, LOCKS) == []


@pytest.mark.parametrize("pool", ["transaction"], indirect=True)
def test_without_autocommit_the_pool_is_found_too(
    pool: Shop, make_connection: Callable[..., Any], observer: Any
) -> None:
    parameters = pool.connection.settings_dict
    connection = make_connection(
        name=parameters["NAME"], HOST=parameters["HOST"], PORT=parameters["PORT"], AUTOCOMMIT=False
    )
    turn = take_turn(connection, 0)
    assert run(observer, LOCKS) == [("idle in transaction",)]
    turn.release()
    assert run(observer, LOCKS) == []


# PAUSE


def console(pool: Shop, command: str) -> None:
    """Say it on PgBouncer's own console, which knows no transactions."""
    parameters = pool.connection.settings_dict
    where = f"host={parameters['HOST']} port={parameters['PORT']} user={parameters['USER']} dbname=pgbouncer"
    with closing(databases.driver.connect(where)) as session:
        session.autocommit = True
        run(session, command)


def test_a_pooler_that_pauses_does_not_wait_for_the_turn_of_a_migrate_that_it_does_not_serve(
    pooled: Callable[..., Shop], monkeypatch: Any
) -> None:
    monkeypatch.setattr(lease, "SECONDS", 0.6)
    pool = pooled("transaction", admin_users=connections.settings["default"]["USER"])
    turn = take(pool)

    def operate() -> None:
        # Answered when the last transaction has ended.
        console(pool, "PAUSE")
        console(pool, "RESUME")

    with Beside(operate) as operator:
        while operator.thread.is_alive():
            pool.run("SELECT 1")
    with pytest.raises(CannotMigrate, match="the pooler serves no client, as when it is told to PAUSE"):
        turn.renew()
    turn.release()


def test_a_long_statement_is_not_taken_for_one_that_is_not_served(
    pooled: Callable[..., Shop], monkeypatch: Any
) -> None:
    monkeypatch.setattr(lease, "SECONDS", 0.6)
    pool = pooled("transaction")
    turn = take(pool)
    pool.run("SELECT pg_sleep(2)")
    turn.renew()
    turn.release()


# Whole runs


NESTED = """
from django.core.management import call_command
from django.db import migrations

def migrate_another(apps, schema_editor):
    call_command("migrate", "auth", database=schema_editor.connection.alias, verbosity=0)

class Migration(migrations.Migration):
    dependencies = [("shop", "{before}"), ("contenttypes", "0002_remove_content_type_name")]
    operations = [migrations.RunPython(migrate_another, atomic={atomic})]
"""


@pytest.fixture
def pooled_site(site: Site, pooled: Callable[..., Shop]) -> Site:
    """A project whose database is behind a pool of transactions, with a table in use."""
    site.settings["INSTALLED_APPS"] += ["django.contrib.contenttypes", "django.contrib.auth"]
    site.add(migrations.CreateModel("book", [("id", models.BigAutoField(primary_key=True))]))
    site.migrate("contenttypes")
    site.migrate("shop")
    site.database["ZERO_DOWNTIME_MIGRATIONS"] = {"IDEMPOTENT_SQL": True, "LOCK_TIMEOUT": "2s"}
    site.database["PORT"] = pooled("transaction").connection.settings_dict["PORT"]
    site.database["HOST"] = "127.0.0.1"
    return site


def test_migrate_goes_through_a_pool_of_transactions(pooled_site: Site, observer: Any) -> None:
    pooled_site.add(migrations.AddField("book", "pages", models.PositiveIntegerField(null=True)))
    pooled_site.migrate("shop")
    assert run(observer, LOCKS) == []
    assert run(observer, "SELECT count(*) FROM pg_constraint WHERE conname = 'shop_book_pages_check'") == [(1,)]


@pytest.mark.parametrize("atomic", [False, True])
def test_migrate_inside_of_a_migration_shares_its_turn(pooled_site: Site, observer: Any, atomic: bool) -> None:
    pooled_site.add_text("0002_nested", NESTED.format(before=pooled_site.names[-1], atomic=atomic))
    pooled_site.migrate("shop")
    # A pooler ends the transaction of a process that has ended a moment later.
    wait_until(lambda: run(observer, LOCKS) == [], "nobody has the turn")
    assert run(observer, "SELECT count(*) > 5 FROM django_migrations WHERE app = 'auth'") == [(True,)]
