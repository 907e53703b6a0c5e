"""A migration that has failed without IDEMPOTENT_SQL: its message lists what is committed, and its ways out work."""

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
    """Return the SQL that a message gives."""
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


#: An operation, and the remains of its interrupted run.
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


# Code alone


SEVERAL = """
from pathlib import Path

from django.db import migrations, models
from django_zero_downtime_migrations.operations import SafetyAssured


def first(apps, schema_editor):
    apps.get_model("shop", "author").objects.using(schema_editor.connection.alias).create()


def back(apps, schema_editor):
    apps.get_model("shop", "author").objects.using(schema_editor.connection.alias).all().delete()


def second(apps, schema_editor):
    first(apps, schema_editor)
    if not Path("mended").exists():
        raise ValueError("of the code")


def failing(apps, schema_editor):
    raise ValueError("of the code")


class Migration(migrations.Migration):
    atomic = {atomic}
    dependencies = [("shop", "0001_step")]
    operations = [{operations}]
"""
AUTHORS = "SELECT count(*) FROM shop_author"
FIRST = "migrations.RunPython(first, back)"
SECOND = "migrations.RunPython(second)"
DONE = "Committed before it, and still there: what RunPython(first) has done. So the next run would begin with"
NO_TRANSACTION = "has no transaction: what it had done by then stays"


def several(site: Site, *operations: str, atomic: bool = True) -> str:
    """Return what a migration of these operations says when it fails."""
    text = SEVERAL.replace("{operations}", ", ".join(operations)).replace("{atomic}", str(atomic))
    site.add_text("0002_several", text)
    return site.refused()


@pytest.mark.parametrize(
    "operations",
    [
        (FIRST, SECOND),
        (FIRST, 'migrations.RunSQL("SELECT 1/0")'),
        (FIRST, "migrations.RunPython(migrations.RunPython.noop)", SECOND),
        (FIRST, "migrations.SeparateDatabaseAndState()", SECOND),
        (f"migrations.SeparateDatabaseAndState([{FIRST}])", SECOND),
        (f"SafetyAssured([{FIRST}, {SECOND}], reason='tests')",),
        (FIRST, 'migrations.AddField("book", "pages", models.IntegerField(null=True))'),
        (FIRST, 'migrations.AlterField("book", "pages", models.IntegerField())'),
    ],
    ids=["code", "SQL", "noop", "state", "inside of another", "assured", "a step", "a step of several"],
)
def test_code_alone_that_is_committed_before_is_told(books: Site, observer: Any, operations: tuple[str, ...]) -> None:
    run(observer, "INSERT INTO shop_book DEFAULT VALUES")
    said = several(books, *operations)
    assert run(observer, AUTHORS) == [(1,)]
    assert DONE in said
    assert "see to it that the code can run again" in said
    assert AGAIN not in said
    assert NO_TRANSACTION not in said


def test_code_and_steps_that_are_committed_before_are_both_told(books: Site, observer: Any) -> None:
    said = several(books, 'migrations.AddField("book", "rank", models.IntegerField(null=True))', FIRST, SECOND)
    assert 'ALTER TABLE "shop_book" ADD COLUMN "rank" integer NULL; what RunPython(first) has done. So the' in said
    assert "What RunPython(first) has done is not seen in the catalogue: see to it that it can run again." in said
    run(observer, "TRUNCATE shop_author")
    (books.folder / "mended").touch()
    go_on(books, observer, said, "by hand")
    assert run(observer, AUTHORS) == [(2,)]


@pytest.mark.parametrize("atomic", [True, False])
def test_code_in_the_transaction_of_new_tables_goes_with_them(books: Site, observer: Any, atomic: bool) -> None:
    new = 'migrations.CreateModel("page", [("id", models.BigAutoField(primary_key=True))])'
    said = several(books, new, FIRST, SECOND, atomic=atomic)
    [(stays,)] = run(observer, "SELECT count(*) > 0 FROM shop_author")
    assert ("what RunPython(first) has done" in said) == stays


@pytest.mark.parametrize(
    ("operations", "atomic"),
    [
        (("migrations.RunPython(second, atomic=False)",), True),
        ((SECOND,), False),
        ((f"migrations.SeparateDatabaseAndState([{SECOND}])",), True),
    ],
    ids=["of its own", "of the migration", "inside of another"],
)
def test_code_without_a_transaction_stays_in_part(
    books: Site, observer: Any, operations: tuple[str, ...], atomic: bool
) -> None:
    said = several(books, *operations, atomic=atomic)
    assert run(observer, AUTHORS) == [(1,)]
    assert f"RunPython(second) {NO_TRANSACTION}" in said
    assert "Committed before it" not in said


@pytest.mark.parametrize(
    ("operations", "atomic"),
    [
        ((SECOND,), True),
        (("migrations.RunPython(second, atomic=True)",), False),
        (("migrations.RunPython(failing)",), True),
    ],
)
def test_code_with_a_transaction_leaves_nothing_and_nothing_is_said(
    books: Site, observer: Any, operations: tuple[str, ...], atomic: bool
) -> None:
    said = several(books, *operations, atomic=atomic)
    assert run(observer, AUTHORS) == [(0,)]
    assert "stays" not in said
    assert "Committed" not in said


def test_code_that_has_run_backwards_is_told(books: Site, observer: Any) -> None:
    (books.folder / "mended").touch()
    failing = "migrations.RunPython(migrations.RunPython.noop, failing)"
    books.add_text("0002_several", SEVERAL.replace("{operations}", f"{failing}, {FIRST}").replace("{atomic}", "True"))
    books.migrate()
    said = books.refused("migrate", "shop", "0001")
    assert run(observer, AUTHORS) == [(0,)]
    assert "still there: what RunPython(back) has done" in said


def test_code_before_what_comes_at_the_end_of_a_migration_is_told(books: Site) -> None:
    key = 'models.ForeignKey("shop.author", models.CASCADE, null=True)'
    new = f'migrations.CreateModel("page", [("id", models.BigAutoField(primary_key=True)), ("of", {key})])'
    said = several(books, FIRST, new, "migrations.RunSQL('DROP TABLE shop_page')", atomic=False)
    assert "what RunPython(first) has done" in said


def test_steps_before_one_that_is_there_already_are_told(books: Site) -> None:
    rank = 'migrations.AddField("book", "rank", models.IntegerField(null=True))'
    said = several(books, rank, rank.replace("rank", "pages"))
    assert "What the step makes is there already" in said
    assert 'Committed before it, and still there: ALTER TABLE "shop_book" ADD COLUMN "rank" integer NULL.' in said
