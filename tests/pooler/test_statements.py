"""A pool of statements takes no transaction: nothing is migrated through it, and it says so before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import migrations, models

from django_zero_downtime_migrations.errors import CannotMigrate
from tests.backends.project import Shop, Site
from tests.backends.sessions import run

ID = ("id", models.BigAutoField(primary_key=True))
BOOK = migrations.CreateModel("book", [ID, ("title", models.CharField(max_length=20, null=True))])
OBJECTS = "SELECT count(*) FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid"
#: One that would go through there, since each of its steps is a query string, and one that would not.
OPERATIONS = {
    "a short step": migrations.AddField("book", "pages", models.IntegerField(null=True)),
    "own SQL": migrations.RunSQL("UPDATE shop_book SET title = 'x'"),
    "a new table": migrations.CreateModel("author", [ID]),
    "a build": migrations.AddIndex("book", models.Index(fields=["title"], name="by_title")),
}


@pytest.fixture
def pooled_site(site: Site, pooled: Callable[..., Shop]) -> Callable[..., Site]:
    """pooled_site(*operations): a project with a table in use behind a pool of statements, and a migration of these."""

    def make(*operations: Any, atomic: bool = True) -> Site:
        site.add(BOOK)
        site.migrate()
        site.add(*operations, atomic=atomic)
        site.database |= {"HOST": "127.0.0.1", "PORT": pooled("statement").connection.settings_dict["PORT"]}
        return site

    return make


@pytest.mark.parametrize("installed", [True, False], ids=["app installed", "engine only"])
@pytest.mark.parametrize("idempotent", [None, False, True])
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_run_is_refused_before_its_first_statement(
    pooled_site: Callable[..., Site], observer: Any, name: str, idempotent: bool | None, installed: bool
) -> None:
    site = pooled_site(OPERATIONS[name])
    site.settings["ZERO_DOWNTIME_MIGRATIONS_IDEMPOTENT_SQL"] = idempotent
    if installed:
        site.settings["INSTALLED_APPS"] = ["django_zero_downtime_migrations", "shop"]
    before = run(observer, OBJECTS)
    said = site.refused()
    assert "that takes no transaction (BEGIN). So nothing can be migrated there" in said
    assert "with IDEMPOTENT_SQL and without it" in said
    assert "Run migrate on a connection that is direct" in said
    assert "Nothing was sent" in said or "Nothing has been applied" in said
    assert "Traceback" not in said
    assert run(observer, OBJECTS) == before
    assert run(observer, "SELECT count(*) FROM django_migrations WHERE app = 'shop'") == [(1,)]


@pytest.mark.parametrize("idempotent", [False, True])
def test_an_empty_database_is_left_empty(
    site: Site, pooled: Callable[..., Shop], observer: Any, idempotent: bool
) -> None:
    site.settings["ZERO_DOWNTIME_MIGRATIONS_IDEMPOTENT_SQL"] = idempotent
    site.database |= {"HOST": "127.0.0.1", "PORT": pooled("statement").connection.settings_dict["PORT"]}
    site.add(BOOK)
    before = run(observer, OBJECTS)
    assert "So nothing can be migrated there" in site.refused()
    assert run(observer, OBJECTS) == before


def test_a_migration_that_is_not_atomic_is_refused_too(pooled_site: Callable[..., Site], observer: Any) -> None:
    site = pooled_site(OPERATIONS["own SQL"], OPERATIONS["a short step"], atomic=False)
    site.settings["ZERO_DOWNTIME_MIGRATIONS_IDEMPOTENT_SQL"] = False
    before = run(observer, OBJECTS)
    assert "So nothing can be migrated there" in site.refused()
    assert run(observer, OBJECTS) == before


def test_an_editor_of_ones_own_is_refused_and_the_connection_is_good_for_more(pooled: Callable[..., Shop]) -> None:
    shop = pooled("statement")
    for _ in range(2):
        with pytest.raises(CannotMigrate, match="takes no transaction"):
            shop.migrate(BOOK)
        assert shop.run("SELECT 1") == [(1,)]


@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_other_pools_are_asked_once_and_keep_their_connection(pooled: Callable[..., Shop], mode: str) -> None:
    shop = pooled(mode)
    shop.migrate(BOOK)
    driver = shop.connection.connection
    with shop.connection.execute_wrapper(lambda execute, sql, *rest: sent.append(sql) or execute(sql, *rest)):
        sent: list[str] = []
        shop.migrate(OPERATIONS["a short step"])
    assert shop.connection.connection is driver
    assert "BEGIN" not in sent


def test_a_script_is_printed_there(pooled_site: Callable[..., Site]) -> None:
    site = pooled_site(OPERATIONS["a short step"])
    done = site.manage("sqlmigrate", "shop", site.names[-1])
    assert done.returncode == 0, done.stdout
    assert "ADD COLUMN" in done.stdout
