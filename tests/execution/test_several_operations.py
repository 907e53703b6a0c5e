"""Operations of one migration that build on what the ones before them have just done."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing

import pytest
from django.db import connections, migrations, models
from django.db.models import Q

from django_zero_downtime_migrations.backends.postgres.schema import UnsafeOperationWarning
from tests import databases
from tests.backends.fixtures import Twins
from tests.backends.project import Shop
from tests.backends.sessions import run

BOOK = migrations.CreateModel(
    "book",
    [
        ("id", models.BigAutoField(primary_key=True)),
        ("pages", models.IntegerField(null=True)),
        ("title", models.CharField(max_length=20, null=True)),
    ],
)
NOT_NULL = migrations.AlterField("book", "pages", models.IntegerField())
FILLED = migrations.AlterField("book", "pages", models.IntegerField(default=7))
BOTH = pytest.mark.parametrize("to_not_null", [NOT_NULL, FILLED], ids=["no-default", "default"])


@pytest.fixture
def books(twins: Twins) -> Twins:
    """A table in use with rows."""
    twins.migrate(BOOK)
    twins.run("INSERT INTO shop_book (pages, title) SELECT n, 'title ' || n FROM generate_series(1, 100) n")
    return twins


def constraints(shop: Shop) -> list[str]:
    rows = shop.run("SELECT conname FROM pg_constraint WHERE conrelid = 'shop_book'::regclass AND contype = 'c'")
    return [name for (name,) in rows]


@BOTH
def test_not_null_then_renamed(books: Twins, to_not_null: migrations.AlterField) -> None:
    with pytest.warns(UnsafeOperationWarning, match="ALTER TABLE RENAME COLUMN"):
        books.migrate(to_not_null, migrations.RenameField("book", "pages", "sheets"))
    assert constraints(books.ours) == []


@BOTH
def test_not_null_then_removed(books: Twins, to_not_null: migrations.AlterField) -> None:
    books.migrate(to_not_null, migrations.RemoveField("book", "pages"))


@BOTH
def test_not_null_then_its_model_deleted(books: Twins, to_not_null: migrations.AlterField) -> None:
    books.migrate(to_not_null, migrations.DeleteModel("book"))


@BOTH
def test_not_null_then_its_table_renamed(books: Twins, to_not_null: migrations.AlterField) -> None:
    with pytest.warns(UnsafeOperationWarning, match="ALTER TABLE RENAME is"):
        books.migrate(to_not_null, migrations.AlterModelTable("book", "volume"))


@BOTH
def test_not_null_then_its_model_renamed(books: Twins, to_not_null: migrations.AlterField) -> None:
    with pytest.warns(UnsafeOperationWarning, match="ALTER TABLE RENAME is"):
        books.migrate(to_not_null, migrations.RenameModel("book", "volume"))


@BOTH
def test_not_null_then_null_again(books: Twins, to_not_null: migrations.AlterField) -> None:
    books.migrate(to_not_null, migrations.AlterField("book", "pages", models.IntegerField(null=True)))
    books.run("INSERT INTO shop_book (title) VALUES ('no pages')")
    assert constraints(books.ours) == []


@BOTH
def test_not_null_then_primary_key_of_the_table_renamed(books: Twins, to_not_null: migrations.AlterField) -> None:
    with pytest.warns(UnsafeOperationWarning, match="ALTER TABLE RENAME COLUMN"):
        books.migrate(to_not_null, migrations.RenameField("book", "id", "number"))


@BOTH
def test_renamed_then_not_null(books: Twins, to_not_null: migrations.AlterField) -> None:
    later = migrations.AlterField("book", "sheets", to_not_null.field)
    with pytest.warns(UnsafeOperationWarning, match="ALTER TABLE RENAME COLUMN"):
        books.migrate(migrations.RenameField("book", "pages", "sheets"), later)
    assert constraints(books.ours) == []


def test_unique_added_then_taken_away(books: Twins) -> None:
    books.ours.migrate(
        migrations.AddField("book", "isbn", models.CharField(max_length=13, null=True, unique=True)),
        migrations.AlterField("book", "isbn", models.CharField(max_length=13, null=True)),
    )
    # This is not compared with stock: Django 4.2 makes the _like index of the unique field at the end all the same.
    indexes = books.ours.run("SELECT indexname FROM pg_indexes WHERE tablename = 'shop_book'")
    assert indexes == [("shop_book_pkey",)]


def test_unique_added_then_removed(books: Twins) -> None:
    books.migrate(
        migrations.AddField("book", "isbn", models.CharField(max_length=13, null=True, unique=True)),
        migrations.RemoveField("book", "isbn"),
    )


def test_unique_added_then_renamed(books: Twins) -> None:
    with pytest.warns(UnsafeOperationWarning, match="ALTER TABLE RENAME COLUMN"):
        books.migrate(
            migrations.AddField("book", "isbn", models.CharField(max_length=13, null=True, unique=True)),
            migrations.RenameField("book", "isbn", "ean"),
        )


def upsert(apps, schema_editor):
    with connections[schema_editor.connection.alias].cursor() as cursor:
        for pages in (1, 2):
            cursor.execute(
                "INSERT INTO shop_book (isbn, pages) VALUES ('9', %s) ON CONFLICT (isbn) DO UPDATE SET pages = %s",
                [pages, pages],
            )


def bulk_upsert(apps, schema_editor):
    book = apps.get_model("shop", "book")
    for pages in (1, 2):
        book.objects.using(schema_editor.connection.alias).bulk_create(
            [book(isbn="9", pages=pages)], update_conflicts=True, unique_fields=["isbn"], update_fields=["pages"]
        )


@pytest.mark.parametrize("atomic", [True, False])
@pytest.mark.parametrize("code", [upsert, bulk_upsert])
def test_unique_added_then_used_by_on_conflict(books: Twins, code, atomic: bool) -> None:
    books.ours.migrate(
        migrations.AddField("book", "isbn", models.CharField(max_length=13, null=True, unique=True)),
        migrations.RunPython(code),
        atomic=atomic,
    )
    assert books.ours.run("SELECT pages FROM shop_book WHERE isbn = '9'") == [(2,)]


def test_unique_constraint_added_then_used_by_on_conflict(books: Twins) -> None:
    books.ours.migrate(
        migrations.AddField("book", "isbn", models.CharField(max_length=13, null=True)),
        migrations.AddConstraint("book", models.UniqueConstraint(fields=["isbn"], name="one_isbn")),
        migrations.RunSQL("INSERT INTO shop_book (isbn) VALUES ('9') ON CONFLICT ON CONSTRAINT one_isbn DO NOTHING"),
        migrations.RunSQL("INSERT INTO shop_book (isbn) VALUES ('9') ON CONFLICT (isbn) DO NOTHING"),
    )
    assert books.ours.run("SELECT count(*) FROM shop_book WHERE isbn = '9'") == [(1,)]


def test_new_model_then_used_by_on_conflict(twins: Twins) -> None:
    twins.migrate(
        migrations.CreateModel(
            "shelf",
            [("id", models.BigAutoField(primary_key=True)), ("place", models.CharField(max_length=9, unique=True))],
        ),
        migrations.RunSQL("INSERT INTO shop_shelf (place) VALUES ('a') ON CONFLICT (place) DO NOTHING"),
        migrations.RunSQL("INSERT INTO shop_shelf (place) VALUES ('a') ON CONFLICT (place) DO NOTHING"),
    )
    assert twins.ours.run("SELECT count(*) FROM shop_shelf") == [(1,)]


PERCENT = models.UniqueConstraint(fields=["title"], name="one_percent", condition=Q(title__contains="100%"))


@pytest.mark.parametrize("in_use", [True, False])
@pytest.mark.parametrize("deferred_sql", [True, False])
def test_percent_sign_in_the_condition_of_a_unique_constraint(
    twins: Twins, in_use: bool, deferred_sql: bool, settings
) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_DEFERRED_SQL = deferred_sql
    if in_use:
        twins.migrate(BOOK)
        twins.migrate(migrations.AddConstraint("book", PERCENT))
    else:
        twins.migrate(BOOK, migrations.AddConstraint("book", PERCENT))
    assert r"%100\%%" in twins.dump(twins.ours.connection)


@pytest.mark.parametrize("deferred_sql", [True, False])
def test_percent_sign_in_a_unique_constraint_of_a_new_model(twins: Twins, deferred_sql: bool, settings) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_DEFERRED_SQL = deferred_sql
    twins.migrate(migrations.CreateModel("book", BOOK.fields, options={"constraints": [PERCENT]}))


@pytest.mark.parametrize("in_use", [True, False])
def test_percent_sign_in_defaults_and_a_check(twins: Twins, in_use: bool) -> None:
    operations = [
        migrations.AddField("book", "rate", models.CharField(max_length=9, null=True, default="5%")),
        migrations.AddConstraint("book", check(Q(rate__contains="%"), "rate_has_percent")),
        migrations.AlterField("book", "rate", models.CharField(max_length=9, default="10%")),
    ]
    if in_use:
        twins.migrate(BOOK)
        twins.migrate(*operations)
    else:
        twins.migrate(BOOK, *operations)


def check(condition: Q, name: str) -> models.CheckConstraint:
    try:
        return models.CheckConstraint(condition=condition, name=name)
    except TypeError:  # Django before 5.1
        return models.CheckConstraint(check=condition, name=name)


@pytest.fixture
def tablespace() -> Iterator[str]:
    """A tablespace of the server, inside its data folder: the one place that is sure to be writable for it."""
    with closing(databases.open_session(autocommit=True)) as session:
        name = f"fast_{os.getpid()}"
        folder = f"{run(session, 'SHOW data_directory')[0][0]}/{name}"
        # Without a row: a program that reads nothing may have ended before one is written to it.
        run(session, f"COPY (SELECT WHERE false) TO PROGRAM 'mkdir \"{folder}\"'")
        run(session, f"CREATE TABLESPACE {name} LOCATION '{folder}'")
        yield name
        run(session, f"DROP TABLESPACE {name}")
        run(session, f"COPY (SELECT WHERE false) TO PROGRAM 'rmdir \"{folder}\"'")


def indexes_in(shop: Shop, tablespace: str) -> list[str]:
    return [
        name
        for (name,) in shop.run(
            "SELECT c.relname FROM pg_class c JOIN pg_tablespace t ON t.oid = c.reltablespace WHERE t.spcname = %s",
            tablespace,
        )
    ]


# The tablespace comes first, so that it outlives the databases that have something in it.
def test_unique_field_with_a_tablespace_is_added(tablespace: str, books: Twins) -> None:
    isbn = models.CharField(max_length=13, null=True, unique=True, db_tablespace=tablespace)
    books.migrate(migrations.AddField("book", "isbn", isbn))
    assert "shop_book_isbn_key" in indexes_in(books.ours, tablespace)
    assert sorted(indexes_in(books.ours, tablespace)) == sorted(indexes_in(books.stock, tablespace))


def test_indexed_field_with_a_tablespace_is_added(tablespace: str, books: Twins) -> None:
    isbn = models.CharField(max_length=13, null=True, db_index=True, db_tablespace=tablespace)
    books.migrate(migrations.AddField("book", "isbn", isbn))
    assert len(indexes_in(books.ours, tablespace)) == 2
    assert sorted(indexes_in(books.ours, tablespace)) == sorted(indexes_in(books.stock, tablespace))


def test_nullable_unique_field_becomes_the_primary_key(twins: Twins) -> None:
    twins.migrate(
        migrations.CreateModel(
            "book",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("isbn", models.CharField(max_length=13, null=True, unique=True)),
            ],
        )
    )
    twins.run("INSERT INTO shop_book (isbn) VALUES ('1'), ('2')")
    twins.migrate(
        migrations.RemoveField("book", "id"),
        migrations.AlterField("book", "isbn", models.CharField(max_length=13, primary_key=True)),
    )
    assert not twins.ours.run("SELECT 1 FROM pg_class WHERE relname LIKE '%%zdm%%'")


def test_circular_foreign_keys_of_an_initial_migration(twins: Twins, settings) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE = True
    editor = twins.migrate(
        migrations.CreateModel("author", [("id", models.BigAutoField(primary_key=True))]),
        migrations.CreateModel(
            "book",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("author", models.ForeignKey("shop.author", models.CASCADE)),
            ],
        ),
        migrations.AddField(
            "author", "best", models.ForeignKey("shop.book", models.CASCADE, related_name="+", default=1)
        ),
        migrations.AddField("author", "rank", models.IntegerField(default=0)),
    )
    assert editor.findings == []
