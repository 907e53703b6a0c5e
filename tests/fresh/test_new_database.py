"""A run that began on an empty database plans nothing, and an interrupted run goes on all the same."""

from __future__ import annotations

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.backends.project import Shop, Site

AUTHOR = """migrations.CreateModel(
            "author",
            [("id", models.BigAutoField(primary_key=True)), ("name", models.CharField(max_length=9, null=True))],
        )"""
BOOK = """migrations.CreateModel(
            "book",
            [("id", models.BigAutoField(primary_key=True)), ("of", models.ForeignKey("shop.author", models.CASCADE))],
        )"""
MIGRATION = """import os
from pathlib import Path

from django.db import migrations, models


def fails_once(apps, schema_editor):
    mark = Path(__file__).with_name("failed")
    if not mark.exists():
        mark.touch()
        {how}


def adds(apps, schema_editor):
    author = apps.get_model("shop", "author")
    author.objects.bulk_create(author(name="same") for _ in range(2))


class Migration(migrations.Migration):
    atomic = {atomic}
    dependencies = []
    operations = [
        {operations},
    ]
"""
RAISES, KILLED = 'raise ValueError("on purpose")', "os.kill(os.getpid(), 9)"
LATE = 'migrations.RunSQL("CREATE INDEX CONCURRENTLY late ON shop_author (name)")'
FAILS = "migrations.RunPython(fails_once)"


def add(site: Site, *operations: str, how: str = RAISES, atomic: bool = True) -> None:
    text = MIGRATION.format(operations=",\n        ".join(operations), how=how, atomic=atomic)
    site.add_text("0001_step", text)


@pytest.mark.parametrize("how", [RAISES, KILLED], ids=["raises", "is killed"])
@pytest.mark.parametrize("atomic", [True, False], ids=["atomic", "not atomic"])
@pytest.mark.parametrize("is_new", [True, False], ids=["new", "used"])
def test_second_run_goes_on_behind_what_had_to_be_committed(
    site: Site, database: BaseDatabaseWrapper, how: str, atomic: bool, is_new: bool
) -> None:
    if not is_new:
        Shop(database).run("CREATE TABLE used ()")
    add(site, AUTHOR, LATE, BOOK, FAILS, how=how, atomic=atomic)
    assert site.manage("migrate").returncode != 0
    shop = Shop(database)
    assert shop.run("SELECT to_regclass('late')::text, to_regclass('shop_author')::text") == [("late", "shop_author")]
    site.migrate()
    assert shop.run("SELECT to_regclass('shop_book')::text") == [("shop_book",)]
    assert shop.run("SELECT count(*) FROM django_migrations WHERE app = 'shop'") == [(1,)]
    assert shop.run("SELECT count(*) FROM pg_type WHERE starts_with(typname, 'zero_downtime_migrations_')") == [(0,)]


def test_what_is_in_one_transaction_is_rolled_back(site: Site, database: BaseDatabaseWrapper) -> None:
    add(site, AUTHOR, BOOK, FAILS)
    assert "on purpose" in site.refused()
    assert Shop(database).run("SELECT to_regclass('shop_author')::text, to_regclass('shop_book')::text") == [
        (None, None)
    ]
    site.migrate()


def test_statement_that_fails_is_told_with_the_rows_that_are_in_its_way(site: Site) -> None:
    unique = 'migrations.AlterField("author", "name", models.CharField(max_length=9, null=True, unique=True))'
    add(site, AUTHOR, "migrations.RunPython(adds)", unique)
    refused = site.refused()
    assert "shop_author" in refused and "Nothing was changed" not in refused
    assert "is duplicated" in refused


PAGE = """migrations.CreateModel(
            "page",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("name", models.SlugField()),
                ("of", models.ForeignKey("shop.author", models.CASCADE)),
            ],
        )"""
ORPHAN = """def adds_orphan(apps, schema_editor):
    apps.get_model("shop", "page").objects.create(name="a", of_id=1)


"""


def test_statement_that_fails_among_several_is_told_alone(site: Site, database: BaseDatabaseWrapper) -> None:
    operations = f"{AUTHOR}, {PAGE}, migrations.RunPython(adds_orphan)"
    text = MIGRATION.replace("class ", f"{ORPHAN}class ")
    site.add_text("0001_step", text.format(operations=operations, how="", atomic=True))
    refused = site.refused()
    assert 'violates foreign key constraint "shop_page_of_id' in refused and "SAVEPOINT" not in refused
    assert Shop(database).run("SELECT to_regclass('shop_author')::text") == [(None,)]


HURRIES = """def adds_many(apps, schema_editor):
    author, page = apps.get_model("shop", "author"), apps.get_model("shop", "page")
    of = author.objects.create(name="a")
    page.objects.bulk_create(page(name=str(number), of=of) for number in range(20_000))
    schema_editor.connection.cursor().execute("SET LOCAL statement_timeout = 1")


"""


def test_statement_that_is_cancelled_among_several_is_not_sent_again(site: Site, database: BaseDatabaseWrapper) -> None:
    operations = f"{AUTHOR}, {PAGE}, migrations.RunPython(adds_many)"
    text = MIGRATION.replace("class ", f"{HURRIES}class ")
    site.add_text("0001_step", text.format(operations=operations, how="", atomic=True))
    refused = site.refused()
    print(refused)
    assert "The statement was cancelled, by STATEMENT_TIMEOUT or by pg_cancel_backend()" in refused
    # All of them have been cancelled, and the error names them all: had they gone one by one, it would name one.
    assert 'CREATE INDEX "shop_page_of_id' in refused and "SAVEPOINT" not in refused
    assert Shop(database).run("SELECT to_regclass('shop_author')::text") == [(None,)]
