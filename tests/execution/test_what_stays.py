"""A migration that has failed without IDEMPOTENT_SQL: what it says is committed, and whether its ways out lead out."""

from __future__ import annotations

import re
from typing import Any

import django
import pytest
from django.db import migrations, models
from django.db.models import Q

from tests.backends.project import Site
from tests.backends.sessions import run

ID = ("id", models.BigAutoField(primary_key=True))
AUTHOR = migrations.CreateModel("author", [ID])
BOOK = migrations.CreateModel(
    "book", [ID, ("pages", models.IntegerField(null=True)), ("author", models.BigIntegerField(null=True))]
)
CHECKED = {"condition" if django.VERSION >= (5, 1) else "check": Q(pages__gt=0)}
AGAIN = "The migration can be run again."
CODE = """
from pathlib import Path

from django.db import migrations, models


def code(apps, schema_editor):
    if not Path("mended").exists():
        raise ValueError("of the code")


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_step")]
    operations = [
        migrations.AddField("book", "rank", models.IntegerField(null=True)),
        migrations.AddIndex("book", models.Index(fields=["pages"], name="by_pages")),
        migrations.RunPython(code),
    ]
"""
COLUMNS = "SELECT attname FROM pg_attribute WHERE attrelid = 'shop_book'::regclass AND attnum > 0 AND NOT attisdropped"


@pytest.fixture
def books(site: Site) -> Site:
    site.settings["ZERO_DOWNTIME_MIGRATIONS_IDEMPOTENT_SQL"] = False
    site.settings["ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT"] = "2s"
    site.add(AUTHOR, BOOK)
    site.migrate()
    return site


def by_hand(said: str) -> str:
    """The SQL that a message gives."""
    found = re.search(r"take it back by hand \((.*?)\)(?:, or|, and)", said)
    assert found, said
    return found[1]


def go_on(site: Site, observer: Any, said: str, way: str) -> None:
    if way == "setting":
        site.settings["ZERO_DOWNTIME_MIGRATIONS_IDEMPOTENT_SQL"] = True
    else:
        # DROP INDEX CONCURRENTLY stands alone.
        for sql in by_hand(said).split("; "):
            run(observer, sql)
    site.migrate()


WAYS = pytest.mark.parametrize("way", ["setting", "by hand"])


@WAYS
def test_code_that_fails_says_what_is_committed_before_it(books: Site, observer: Any, way: str) -> None:
    books.add_text("0002_code", CODE)
    said = books.refused()
    assert "ValueError: of the code" in said
    assert 'Committed before it, and still there: ALTER TABLE "shop_book" ADD COLUMN "rank" integer NULL; ' in said
    assert 'CREATE INDEX CONCURRENTLY "by_pages" ON "shop_book" ("pages")' in said
    assert AGAIN not in said
    (books.folder / "mended").touch()
    go_on(books, observer, said, way)
    assert run(observer, COLUMNS + " AND attname = 'rank'") == [("rank",)]


def test_code_that_fails_first_says_nothing_of_the_kind(books: Site) -> None:
    books.add_text("0002_code", re.sub(r" +migrations\.Add.*\n", "", CODE))
    assert "Committed before it" not in books.refused()


def test_code_that_fails_after_a_new_table_says_whether_it_is_there(books: Site, observer: Any) -> None:
    new = 'migrations.CreateModel("page", [("id", models.BigAutoField(primary_key=True))]),\n        '
    alone = re.sub(r" +migrations\.Add.*\n", "", CODE)
    books.add_text("0002_code", alone.replace("migrations.Run", new + "migrations.Run"))
    said = books.refused()
    there = run(observer, "SELECT to_regclass('shop_page') IS NOT NULL")[0][0]
    assert ("Committed before it" in said) == there


def test_operation_that_is_refused_after_others_of_its_migration(books: Site, observer: Any) -> None:
    books.settings["ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE"] = True
    added = migrations.AddField("book", "rank", models.IntegerField(null=True))
    books.add(added, migrations.RenameField("book", "pages", "sheets"))
    said = books.refused()
    assert 'Committed before it, and still there: ALTER TABLE "shop_book" ADD COLUMN "rank" integer NULL.' in said
    books.settings["ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE"] = False
    go_on(books, observer, said, "by hand")


def test_step_that_fails_after_others_of_its_migration(books: Site, observer: Any) -> None:
    run(observer, "INSERT INTO shop_book (pages) VALUES (7), (7)")
    added = migrations.AddField("book", "rank", models.IntegerField(null=True))
    books.add(added, migrations.AlterField("book", "pages", models.IntegerField(null=True, unique=True)))
    said = books.refused()
    assert "IntegrityError" in said
    assert 'Committed before it, and still there: ALTER TABLE "shop_book" ADD COLUMN "rank" integer NULL.' in said
    assert AGAIN not in said
    run(observer, "DELETE FROM shop_book")
    go_on(books, observer, said, "by hand")


#: An operation, and what an interrupted run of it leaves.
LEFT = {
    "column": (
        migrations.AddField("book", "rank", models.IntegerField(null=True)),
        "ALTER TABLE shop_book ADD COLUMN rank integer",
    ),
    "index": (
        migrations.AddIndex("book", models.Index(fields=["pages"], name="by_pages")),
        "CREATE INDEX by_pages ON shop_book (pages)",
    ),
    "unique index of a constraint": (
        migrations.AddConstraint("book", models.UniqueConstraint(fields=["pages"], name="once")),
        "CREATE UNIQUE INDEX once ON shop_book (pages)",
    ),
    "constraint": (
        migrations.AddConstraint("book", models.CheckConstraint(name="positive", **CHECKED)),
        "ALTER TABLE shop_book ADD CONSTRAINT positive CHECK (pages > 0) NOT VALID",
    ),
}


@WAYS
@pytest.mark.parametrize("what", LEFT)
def test_what_an_interrupted_run_has_left_is_named_with_both_ways_out(
    books: Site, observer: Any, what: str, way: str
) -> None:
    operation, sql = LEFT[what]
    run(observer, sql)
    books.add(operation)
    said = books.refused()
    assert "already exists" in said
    assert "What the step makes is there already" in said
    assert AGAIN not in said
    assert "Traceback" not in said
    go_on(books, observer, said, way)


@pytest.mark.parametrize(
    ("operation", "sql"),
    [
        (migrations.RemoveField("book", "pages"), "ALTER TABLE shop_book DROP COLUMN pages"),
        (migrations.RenameField("book", "pages", "sheets"), "ALTER TABLE shop_book RENAME pages TO sheets"),
    ],
    ids=["removed", "renamed"],
)
def test_what_an_interrupted_run_has_removed_is_named_with_both_ways_out(
    books: Site, observer: Any, operation: Any, sql: str
) -> None:
    run(observer, sql)
    books.add(operation)
    said = books.refused()
    assert "does not exist" in said
    assert "What the step is about is not there" in said
    assert "take the operation out of the migration" in said
    assert AGAIN not in said
    books.settings["ZERO_DOWNTIME_MIGRATIONS_IDEMPOTENT_SQL"] = True
    said = books.migrate()
    word = "Gone already: The column" if isinstance(operation, migrations.RemoveField) else "There already: The column"
    assert word in said


def test_invalid_index_goes_and_the_migration_can_be_run_again(books: Site, observer: Any) -> None:
    run(observer, "CREATE INDEX by_pages ON shop_book (pages)")
    run(observer, "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'by_pages'::regclass")
    books.add(migrations.AddIndex("book", models.Index(fields=["pages"], name="by_pages")))
    said = books.refused()
    assert f'Taken back: DROP INDEX CONCURRENTLY IF EXISTS "by_pages". {AGAIN}' in said
    books.migrate()


def test_own_sql_that_fails_can_be_run_again(books: Site) -> None:
    books.add(migrations.RunSQL("ALTER TABLE shop_book ADD COLUMN pages integer"))
    said = books.refused()
    assert "What the step makes" not in said
