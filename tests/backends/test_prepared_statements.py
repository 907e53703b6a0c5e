"""A project that has its statements prepared by the driver migrates as any other."""

from __future__ import annotations

import time

import pytest
from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql.psycopg_any import is_psycopg3

from tests.backends.project import Shop, Site
from tests.backends.sessions import Beside

ID = ("id", models.BigAutoField(primary_key=True))
AUTHOR = migrations.CreateModel("author", [ID, ("name", models.CharField(max_length=9, unique=True))])
BOOK = migrations.CreateModel(
    "book", [ID, ("of", models.ForeignKey("shop.author", models.CASCADE)), ("pages", models.IntegerField(null=True))]
)
CHANGES = [
    *(migrations.AddField("book", f"note{n}", models.IntegerField(null=True)) for n in range(3)),
    migrations.AlterField("book", "pages", models.IntegerField(default=1)),
    migrations.RunSQL("SELECT 1; SELECT 2"),
    migrations.RunSQL("SELECT 1; SELECT 2"),
]
#: The driver prepares a statement when it has been sent so often.
THRESHOLDS = [0, 1, None]

if is_psycopg3:

    @pytest.fixture(params=THRESHOLDS, ids=lambda number: f"threshold {number}")
    def preparing(request: pytest.FixtureRequest, site: Site) -> Site:
        options = {**site.database.get("OPTIONS", {}), "server_side_binding": True}
        site.database["OPTIONS"] = options | {"prepare_threshold": request.param}
        site.database["ZERO_DOWNTIME_MIGRATIONS"] = {"LOCK_TIMEOUT": "100ms", "LOCK_RETRY_TIMEOUT": "30s"}
        return site

    def test_a_new_database_and_tables_in_use(preparing: Site, database: BaseDatabaseWrapper) -> None:
        preparing.add(AUTHOR, BOOK)
        preparing.migrate()
        Shop(database).run("INSERT INTO shop_author (name) VALUES ('a')")
        preparing.add(*CHANGES)
        preparing.migrate()
        assert Shop(database).run("SELECT note0, note1, note2 FROM shop_book") == []

    def test_the_same_attempt_is_made_many_times(preparing: Site, database: BaseDatabaseWrapper) -> None:
        preparing.add(AUTHOR)
        preparing.migrate()
        preparing.add(migrations.AddField("author", "note", models.IntegerField(null=True)))
        with database.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT * FROM shop_author")
            with Beside(preparing.migrate) as migrating:
                # Time for several attempts and looks.
                time.sleep(3)
                cursor.execute("COMMIT")
                migrating.result()
        assert Shop(database).run("SELECT note FROM shop_author") == []

    def test_queries_of_the_project_are_prepared(preparing: Site) -> None:
        """A text without parameters is not, and may have several statements."""
        asked = """from django.db import connection
with connection.cursor() as cursor:
    for _ in range(4):
        cursor.execute("SELECT %s::integer", [1])
        cursor.execute("SELECT 'raw'; SELECT 2", None)
    cursor.execute("SELECT count(*) FROM pg_prepared_statements", None)
    print("prepared", cursor.fetchone()[0])
"""
        done = preparing.manage("shell", "--command", asked)
        prepared = preparing.database["OPTIONS"]["prepare_threshold"] is not None
        assert f"prepared {int(prepared)}" in done.stdout
