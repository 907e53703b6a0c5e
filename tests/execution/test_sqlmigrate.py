"""The output of `sqlmigrate` is a script that psql runs, with the effect of `migrate`."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from django.conf import settings as configured
from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Q

from django_zero_downtime_migrations.backends.postgres.schema import UnsafeOperationException
from servers import binaries
from tests import databases
from tests.backends.project import Shop, Site
from tests.backends.sessions import Beside, run, wait_until

ID = ("id", models.BigAutoField(primary_key=True))
START = [
    migrations.CreateModel("author", [ID, ("name", models.CharField(max_length=20, unique=True))]),
    migrations.CreateModel(
        "book",
        [
            ID,
            ("title", models.CharField(max_length=20, null=True)),
            ("pages", models.IntegerField(null=True)),
            ("author", models.ForeignKey("shop.author", models.CASCADE)),
        ],
    ),
    migrations.RunSQL(
        [
            "INSERT INTO shop_author (name) SELECT 'a ''quoted'' name; ' || n FROM generate_series(1, 9) n",
            "INSERT INTO shop_book (title, author_id) SELECT n, n FROM generate_series(1, 9) n",
        ],
        migrations.RunSQL.noop,
    ),
]
PERCENT = models.UniqueConstraint(fields=["title"], name="one_percent", condition=Q(title__contains="100%"))
CHANGES: dict[str, list[Any]] = {
    "fields": [
        migrations.AddField("book", "isbn", models.CharField(max_length=13, null=True, unique=True)),
        migrations.AddField("book", "weight", models.PositiveIntegerField(null=True)),
        migrations.AddField("book", "reader", models.ForeignKey("shop.author", models.CASCADE, "+", null=True)),
    ],
    "filled with a default": [migrations.AlterField("book", "pages", models.IntegerField(default=7))],
    "filled with a text of quotes and signs": [
        migrations.AlterField("book", "title", models.CharField(max_length=20, default="it's 5% $$; --")),
        migrations.RunSQL("UPDATE shop_book SET title = title", migrations.RunSQL.noop),
    ],
    "not null": [
        migrations.RunSQL("UPDATE shop_book SET pages = 1", migrations.RunSQL.noop),
        migrations.AlterField("book", "pages", models.IntegerField()),
    ],
    "new and old tables": [
        migrations.CreateModel("shelf", [ID, ("books", models.ManyToManyField("shop.book"))]),
        migrations.AddField("shelf", "place", models.CharField(max_length=9, default="a")),
        migrations.AddIndex("book", models.Index(fields=["title"], name="by_title")),
        migrations.AddField("author", "shelf", models.ForeignKey("shop.shelf", models.CASCADE, null=True)),
    ],
    "percent signs": [migrations.AddConstraint("book", PERCENT)],
    "unsafe ones": [
        migrations.RenameField("book", "pages", "sheets"),
        migrations.AddField("book", "rank", models.IntegerField(default=0)),
        migrations.AlterField("book", "title", models.IntegerField(null=True)),
        migrations.RenameModel("author", "person"),
    ],
    "indexed, unique, one to one": [
        migrations.AlterField("book", "title", models.CharField(max_length=30, null=True, db_index=True)),
        migrations.AlterField("book", "title", models.CharField(max_length=40, null=True, unique=True)),
        migrations.AlterField("book", "author", models.OneToOneField("shop.author", models.CASCADE)),
    ],
    "raw": [
        migrations.RunSQL(["CREATE TABLE plain (id int)", ("INSERT INTO plain VALUES (%s)", [3])], "DROP TABLE plain"),
        migrations.RunSQL(
            "CREATE INDEX CONCURRENTLY on_plain ON plain (id)", "DROP INDEX CONCURRENTLY IF EXISTS on_plain"
        ),
    ],
    "gone": [migrations.RemoveField("book", "author"), migrations.DeleteModel("author")],
}
IRREVERSIBLE = ("unsafe ones", "gone")
SETTINGS: dict[str, dict[str, Any]] = {
    "no settings": {},
    "all settings": {"LOCK_TIMEOUT": "2s", "FLEXIBLE_STATEMENT_TIMEOUT": True, "DEFERRED_SQL": False},
}


def psql(connection: BaseDatabaseWrapper, script: str) -> None:
    """Run a script as `psql -v ON_ERROR_STOP=1 -f` does."""
    server = configured.DATABASE_URL.rsplit("/", 1)[0]
    done = subprocess.run(
        [
            str(binaries.pg_dump_binary().with_name("psql")),
            "--no-psqlrc",
            "--quiet",
            "--variable=ON_ERROR_STOP=1",
            "--file=-",
            f"{server}/{connection.settings_dict['NAME']}",
        ],
        input=script,
        env={name: value for name, value in os.environ.items() if not name.startswith("PG")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, f"{done.stdout}\n{script}"


class Pair:
    """The same app on two databases: one that is migrated, one that gets the scripts."""

    def __init__(self, migrated: Shop, scripted: Shop, contents: Callable[[Shop], str]) -> None:
        self.migrated = migrated
        self.scripted = scripted
        self.contents = contents

    def migrate(self, *operations: Any) -> None:
        self.run(self.scripted.script(*operations))
        self.migrated.migrate(*operations)
        self.compare()

    def run(self, script: str) -> None:
        psql(self.scripted.connection, script)

    def compare(self) -> None:
        assert self.contents(self.scripted).splitlines() == self.contents(self.migrated).splitlines()


@pytest.fixture
def pair(make_connection: Callable[..., BaseDatabaseWrapper], dump: Callable[..., str]) -> Pair:
    def contents(shop: Shop) -> str:
        tables = sorted(shop.connection.introspection.table_names())
        rows = {table: shop.run(f"SELECT * FROM {table} ORDER BY 1") for table in tables}
        return dump(shop.connection) + "".join(f"{table}: {found}\n" for table, found in rows.items())

    return Pair(Shop(make_connection()), Shop(make_connection()), contents)


def configure(settings: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(settings, f"ZERO_DOWNTIME_MIGRATIONS_{name}", value)


@pytest.mark.filterwarnings("ignore::django_zero_downtime_migrations.errors.UnsafeOperationWarning")
@pytest.mark.parametrize("values", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_script_has_the_effect_of_migrate(pair: Pair, change: list[Any], values: dict[str, Any], settings: Any) -> None:
    configure(settings, values)
    pair.migrate(*START)
    pair.migrate(*change)


@pytest.mark.filterwarnings("ignore::django_zero_downtime_migrations.errors.UnsafeOperationWarning")
@pytest.mark.parametrize("change", [name for name in CHANGES if name not in IRREVERSIBLE])
def test_script_backwards_has_the_effect_of_migrate_backwards(pair: Pair, change: str) -> None:
    pair.migrate(*START)
    pair.migrate(*CHANGES[change])
    pair.run(pair.scripted.script_back())
    pair.migrated.unapply()
    pair.compare()


def test_script_is_printed_where_migrate_refuses(pair: Pair, settings: Any) -> None:
    configure(settings, {"RAISE_FOR_UNSAFE": True})
    pair.migrate(*START)
    pair.run(pair.scripted.script(*CHANGES["unsafe ones"]))
    with pytest.raises(UnsafeOperationException):
        pair.migrated.migrate(*CHANGES["unsafe ones"])


def test_script_leaves_the_timeouts_of_the_session(pair: Pair, settings: Any) -> None:
    configure(settings, SETTINGS["all settings"])
    pair.migrate(*START)
    script = pair.scripted.script(*CHANGES["fields"], *CHANGES["filled with a default"])
    check = "SELECT 1 / (current_setting('lock_timeout') = '0' AND current_setting('statement_timeout') = '0')::int;"
    pair.run(f"{script}\n{check}")


LEFT = "SELECT count(*) FROM shop_book WHERE pages IS NULL"


@pytest.fixture
def fill_of_a_script(pair: Pair, settings: Any) -> Callable[..., str]:
    """fill_of_a_script(LOCK_TIMEOUT=…): the first block of the script that fills a column of a table in use."""

    def printed(**values: Any) -> str:
        configure(settings, values)
        pair.migrate(*START)
        script = pair.scripted.script(migrations.AlterField("book", "pages", models.IntegerField(default=7)))
        return script[script.index("DO $fill$") : script.index("RESET statement_timeout")]

    return printed


@pytest.fixture
def sessions(pair: Pair) -> Iterator[tuple[Any, Any]]:
    """Open two sessions of the scripted database: one in a transaction, one in autocommit mode."""
    name = pair.scripted.connection.settings_dict["NAME"]
    with closing(databases.open_session(name)) as one, closing(databases.open_session(name, autocommit=True)) as other:
        yield one, other


def test_fill_of_a_script_waits_for_a_row_without_the_locks_of_others(
    pair: Pair, fill_of_a_script: Callable[..., str], sessions: tuple[Any, Any]
) -> None:
    """The row is moved by its holder, and filled nevertheless."""
    holder, client = sessions
    script = fill_of_a_script(LOCK_TIMEOUT="2s")
    run(client, "INSERT INTO shop_book (title, author_id) SELECT n, 1 FROM generate_series(1, 5000) n")
    run(holder, "UPDATE shop_book SET title = 'mine' WHERE id = 5")
    with Beside(lambda: pair.run(script)) as work:
        wait_until(lambda: run(client, LEFT) == [(1,)], "all other rows are filled", work)
        run(client, "SELECT FROM shop_book WHERE id <> 5 FOR UPDATE NOWAIT")
        holder.commit()
        work.result()
    assert run(client, "SELECT title, pages FROM shop_book WHERE id = 5") == [("mine", 7)]
    assert run(client, LEFT) == [(0,)]


def test_fill_of_a_script_gives_up_after_the_retry_timeout(
    pair: Pair, fill_of_a_script: Callable[..., str], sessions: tuple[Any, Any]
) -> None:
    holder, client = sessions
    script = fill_of_a_script(LOCK_TIMEOUT="100ms", LOCK_RETRY_TIMEOUT="500ms")
    run(holder, "UPDATE shop_book SET title = 'mine' WHERE id = 5")
    with pytest.raises(AssertionError, match="others have held rows for longer than LOCK_RETRY_TIMEOUT"):
        pair.run(script)
    assert run(client, LEFT) == [(1,)]


def test_script_has_findings_as_comments_above_their_statements(pair: Pair) -> None:
    pair.migrate(*START)
    lines = pair.scripted.script(*CHANGES["unsafe ones"]).splitlines()
    [comment] = [number for number, line in enumerate(lines) if "ALTER_TABLE_RENAME_COLUMN" in line]
    assert lines[comment].startswith("-- ")
    following = [line for line in lines[comment + 1 :] if line.startswith("ALTER TABLE")]
    assert following[0] == 'ALTER TABLE "shop_book" RENAME COLUMN "pages" TO "sheets";'


def test_script_asks_nothing_of_the_catalogue_of_its_own(pair: Pair) -> None:
    pair.migrate(*START)
    script = pair.scripted.script(*CHANGES["fields"], *CHANGES["not null"])
    assert "pg_catalog" not in script
    assert "to_regclass" not in script


def test_output_of_the_command_runs_as_it_is(site: Site, database: BaseDatabaseWrapper, dump: Any) -> None:
    """The output runs forwards and backwards, on tables in use."""
    site.settings["ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT"] = "2s"
    start = site.add(*START)
    name = site.add(*CHANGES["fields"], *CHANGES["new and old tables"], *CHANGES["filled with a default"])
    site.migrate("shop", start)
    before = dump(database)
    for arguments in ([name], [name, "--backwards"]):
        done = site.manage("sqlmigrate", "shop", *arguments)
        assert done.returncode == 0, done.stdout
        psql(database, done.stdout)
        assert (dump(database) == before) == ("--backwards" in arguments)
