"""Tables that count as new, the transaction of their statements, and what a table in use beside them still gets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.backends.project import Shop, Site
from tests.backends.sessions import Beside, blocked_query, run

from .recorder import ddl, record, record_transactions, writers

ID = ("id", models.BigAutoField(primary_key=True))
AUTHOR = migrations.CreateModel("author", [ID, ("name", models.CharField(max_length=20, null=True))])
BOOK = migrations.CreateModel("book", [ID, ("author", models.ForeignKey("shop.author", models.CASCADE))])
CHANGES = [
    migrations.AddField("author", "email", models.CharField(max_length=20, null=True, unique=True)),
    migrations.AlterField("author", "name", models.CharField(max_length=40, default="nobody")),
    migrations.AddIndex("author", models.Index(fields=["name"], name="by_name")),
    migrations.AddConstraint("author", models.UniqueConstraint(fields=["name", "email"], name="one")),
    migrations.AlterField("book", "author", models.OneToOneField("shop.author", models.CASCADE)),
    migrations.AddField("author", "books", models.ManyToManyField("shop.book", related_name="+")),
]

#: What records a migration.
RECORD = 'INSERT INTO "django_migrations"'
# The transactions that have last written the catalogue's rows of the app's tables, columns, indexes and constraints.
WRITERS = """
WITH tables AS (SELECT oid FROM pg_class WHERE relname LIKE 'shop%' AND relkind = 'r')
SELECT xmin::text FROM pg_class WHERE oid IN (SELECT oid FROM tables)
UNION SELECT xmin::text FROM pg_attribute WHERE attrelid IN (SELECT oid FROM tables) AND attnum > 0
UNION SELECT xmin::text FROM pg_index WHERE indrelid IN (SELECT oid FROM tables)
UNION SELECT xmin::text FROM pg_constraint WHERE conrelid IN (SELECT oid FROM tables)
"""


def test_new_tables_of_a_migration_are_one_transaction(shop: Shop) -> None:
    shop.migrate(AUTHOR, BOOK, *CHANGES)
    assert len(shop.run(WRITERS)) == 1


def test_with_idempotent_sql_a_migration_is_recorded_in_the_transaction_of_its_tables(
    sites: tuple[Site, Site], database: BaseDatabaseWrapper
) -> None:
    site = sites[0]
    site.database["ZERO_DOWNTIME_MIGRATIONS"] = {"IDEMPOTENT_SQL": True}
    site.add(AUTHOR, BOOK, *CHANGES)
    [sent] = record_transactions(site)
    [number] = writers(sent, RECORD)
    assert number is not None
    assert Shop(database).run("SELECT app, name FROM django_migrations WHERE app = 'shop'") == [("shop", "0001_step")]
    assert [sql for sql, _ in sent if "journal_" in sql] == []


def test_migration_without_statements_is_recorded_in_one_round_trip(sites: tuple[Site, Site]) -> None:
    site = sites[0]
    site.add(AUTHOR)
    site.add(migrations.AlterModelOptions("author", {"verbose_name": "writer"}))
    [sent] = record_transactions(site)
    [first, second] = [number for sql, number in sent if sql.startswith(RECORD)]
    assert first is not None and second is None


def test_statements_that_django_puts_off_share_a_round_trip(sites: tuple[Site, Site]) -> None:
    sent = []
    for site in sites:
        site.add(AUTHOR, BOOK, *CHANGES[:1])
        sent += record(site)
    ours, stock = ([sql for sql in queries if ddl([sql]) and "shop" in sql] for queries in sent)
    assert ddl(ours) == ddl(stock)
    [together] = [sql for sql in ours if len(ddl([sql])) > 1]
    assert len(ours) == len(stock) - len(ddl([together])) + 1


def test_migrations_of_a_run_are_a_transaction_each_as_with_stock(sites: tuple[Site, Site]) -> None:
    for site in sites:
        for operations in ([AUTHOR, BOOK], CHANGES):
            site.add(*operations)
        [sent] = record_transactions(site)
        numbers = writers(sent)
        assert len(numbers) == 2 and None not in numbers


def test_tables_of_the_run_get_djangos_own_statements(sites: tuple[Site, Site]) -> None:
    sent = []
    for site in sites:
        for operations in ([AUTHOR, BOOK], CHANGES):
            site.add(*operations)
        sent += record(site)
    ours, stock = map(ddl, sent)
    assert ours == stock


def test_new_tables_beside_tables_in_use_get_djangos_own_statements(sites: tuple[Site, Site]) -> None:
    sent = []
    for site in sites:
        site.add(migrations.CreateModel("shelf", [ID]))
        site.migrate()
        for operations in ([AUTHOR, BOOK], CHANGES):
            site.add(*operations)
        sent += record(site)
    ours, stock = map(ddl, sent)
    assert ours == stock


def test_newness_ends_with_the_run(site_recording: Site) -> None:
    first, second = record(site_recording, "shop 0001", "shop")
    assert not [query for query in first if "CONCURRENTLY" in query]
    assert [query for query in ddl(second) if "by_name" in query and "CONCURRENTLY" in query]


def test_tables_of_an_earlier_process_are_in_use(site_recording: Site) -> None:
    site_recording.migrate("shop", "0001")
    [sent] = record(site_recording)
    assert [query for query in ddl(sent) if "by_name" in query and "CONCURRENTLY" in query]


@pytest.fixture
def site_recording(sites: tuple[Site, Site]) -> Site:
    """Two migrations, of which the second changes the tables of the first."""
    site = sites[0]
    site.add(AUTHOR, BOOK)
    site.add(*CHANGES)
    return site


def test_failed_run_ends_newness(sites: tuple[Site, Site]) -> None:
    site = sites[0]
    site.add(AUTHOR)
    fails_once = """from django.core.management import call_command
from django.db import migrations

calls = []


def fail_once(apps, schema_editor):
    calls.append(1)
    if len(calls) == 1:
        raise ValueError("on purpose")


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_step")]
    operations = [migrations.RunPython(fail_once)]
"""
    site.add_text("0002_step", fails_once)
    site.add(CHANGES[2])
    command = site.folder / "shop" / "management" / "commands" / "record_migrate.py"
    call = 'call_command("migrate", *call.split(), verbosity=0)'
    again = f"try:\n                    {call}\n                except ValueError:\n                    pass"
    command.write_text(command.read_text().replace(call, again))
    failed, second = record(site, "shop", "shop")
    assert ddl(failed) == [query for query in ddl(failed) if query.startswith("CREATE TABLE")]
    [build] = [query for query in second if "by_name" in query]
    assert "CONCURRENTLY" in build


def test_migration_of_new_tables_that_fails_leaves_nothing(
    site: Site, database: BaseDatabaseWrapper, dump: Callable[..., str]
) -> None:
    site.add(migrations.CreateModel("shelf", [ID]))
    site.migrate()
    before = dump(database)
    name = site.add(AUTHOR, BOOK, *CHANGES, migrations.RunSQL("SELECT 1 / 0"))
    assert "division by zero" in site.refused()
    assert dump(database) == before
    assert f"[ ] {name}" in site.manage("showmigrations", "shop").stdout


# Tables in use beside new ones


SHELF = migrations.CreateModel("shelf", [ID, ("place", models.CharField(max_length=9, unique=True))])
BOARD = migrations.CreateModel("board", [ID, ("author", models.ForeignKey("shop.author", models.CASCADE))])
HELD = "SELECT relation::regclass::text FROM pg_locks WHERE granted AND relation::regclass::text = ANY(%s)"


@pytest.fixture
def in_use(make_connection: Callable[..., BaseDatabaseWrapper]) -> Shop:
    """`author` is in use."""
    shop = Shop(make_connection(ZERO_DOWNTIME_MIGRATIONS={"LOCK_TIMEOUT": "100s"}))
    shop.migrate(AUTHOR)
    return shop


def test_foreign_key_to_a_table_in_use_waits_without_the_new_tables_transaction(
    in_use: Shop, open_session: Callable[..., Any]
) -> None:
    writer, looks = open_session(in_use.connection), open_session(in_use.connection, autocommit=True)
    run(writer, "INSERT INTO shop_author DEFAULT VALUES")
    with Beside(lambda: in_use.migrate(SHELF, BOARD)) as work:
        blocked = blocked_query(looks)
        new = ["shop_shelf", "shop_board"]
        seen = run(looks, "SELECT relname::text FROM pg_class WHERE relname = ANY(%s) ORDER BY 1", sorted(new))
        held = run(looks, HELD, ["shop_shelf"])
        writer.rollback()
        work.result()
    assert "SET LOCAL lock_timeout" in blocked
    assert "FOREIGN KEY" in blocked
    assert seen == [("shop_board",), ("shop_shelf",)]
    assert held == []


def test_foreign_key_to_a_table_in_use_is_valid_in_the_end(in_use: Shop) -> None:
    in_use.migrate(SHELF, BOARD)
    assert in_use.run("SELECT convalidated FROM pg_constraint WHERE contype = 'f'") == [(True,)]


def test_statement_that_must_stand_alone_ends_the_transaction_of_new_tables(
    in_use: Shop, open_session: Callable[..., Any]
) -> None:
    looks = open_session(in_use.connection, autocommit=True)
    seen: list[Any] = []

    def look(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        if "CONCURRENTLY" in str(sql):
            seen.append(run(looks, "SELECT to_regclass('shop_shelf')::text"))
        return execute(sql, params, many, context)

    with in_use.connection.execute_wrapper(look):
        in_use.migrate(SHELF, CHANGES[2])
    assert seen == [[("shop_shelf",)]]
