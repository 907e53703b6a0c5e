"""A foreign key, unique constraint or index that is altered: the old one or the new one is there at every moment."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import django
import pytest
from django.db import migrations, models

from tests.backends.project import Shop
from tests.backends.sessions import run
from tests.concurrency.attempts import before_each_statement, is_refused

DDL = re.compile("ALTER TABLE|(CREATE|DROP) INDEX")
ID = ("id", models.BigAutoField(primary_key=True))
AUTHOR = migrations.CreateModel("author", [ID, ("number", models.BigIntegerField(unique=True))])
READER = migrations.CreateModel("reader", [ID, ("number", models.BigIntegerField(unique=True))])


def key(**options: Any) -> Any:
    options.setdefault("to", "shop.author")
    options.setdefault("on_delete", models.CASCADE)
    return models.ForeignKey(related_name="+", **options)


def alter(field: Any, name: str = "author") -> migrations.AlterField:
    return migrations.AlterField("book", name, field)


@pytest.fixture
def writer(observer: Any) -> Any:
    """Open a session in autocommit mode; between two statements the migration must not make it wait."""
    run(observer, "SET lock_timeout = '5s'")
    return observer


# By any of its names: some migrations rename the column.
KEY_COLUMN = """
SELECT attname FROM pg_attribute
WHERE attrelid = 'shop_book'::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'id'
"""


def orphans_are_refused(shop: Shop, writer: Any) -> AbstractContextManager[list[str]]:
    def attempt() -> None:
        [(column,)] = run(writer, KEY_COLUMN)
        assert is_refused(writer, f"INSERT INTO shop_book ({column}) VALUES (4711)"), "an orphan was accepted"

    return before_each_statement(shop.connection, attempt)


DATABASE_LEVEL = {"on delete": alter(key(on_delete=models.DB_CASCADE))} if django.VERSION >= (6, 1) else {}
ALTERATIONS = {
    "null": alter(key(null=True)),
    "no index": alter(key(db_index=False)),
    "one to one": alter(models.OneToOneField("shop.author", models.CASCADE, related_name="+")),
    "retarget": alter(key(to="shop.reader")),
    "other column of the target": alter(key(to_field="number")),
    "retarget and null": alter(key(to="shop.reader", null=True)),
    "column": alter(key(db_column="writer")),
    "rename": migrations.RenameField("book", "author", "writer"),
    "target renamed": migrations.RenameModel("author", "person"),
    **DATABASE_LEVEL,
}


@pytest.fixture
def books(shop: Shop) -> Shop:
    shop.migrate(AUTHOR, READER, migrations.CreateModel("book", [ID, ("author", key())]))
    for table in ("author", "reader"):
        shop.run(f"INSERT INTO shop_{table} (number) SELECT n FROM generate_series(1, 10) n")
    shop.run("INSERT INTO shop_book (author_id) SELECT n FROM generate_series(1, 10) n")
    return shop


def foreign_keys(session: Any, table: str) -> list[tuple[Any, ...]]:
    return run(
        session,
        "SELECT confrelid::regclass::text, convalidated FROM pg_constraint WHERE conrelid = %s::regclass "
        "AND contype = 'f'",
        table,
    )


@pytest.mark.filterwarnings("ignore::django_zero_downtime_migrations.errors.UnsafeOperationWarning")
@pytest.mark.parametrize("name", ALTERATIONS)
def test_orphan_is_never_accepted_while_a_foreign_key_changes(books: Shop, writer: Any, name: str) -> None:
    with orphans_are_refused(books, writer) as sent:
        books.migrate(ALTERATIONS[name])
    assert any(DDL.search(sql) for sql in sent) or name == "null"
    [(target, valid)] = foreign_keys(writer, "shop_book")
    assert valid
    assert target == {"target renamed": "shop_person"}.get(name, "shop_reader" if "retarget" in name else "shop_author")


@pytest.mark.filterwarnings("ignore::django_zero_downtime_migrations.errors.UnsafeOperationWarning")
@pytest.mark.parametrize("name", ALTERATIONS)
def test_orphan_is_never_accepted_while_a_change_is_taken_back(books: Shop, writer: Any, name: str) -> None:
    books.migrate(ALTERATIONS[name])
    with orphans_are_refused(books, writer):
        books.unapply()
    assert foreign_keys(writer, "shop_book") == [("shop_author", True)]


def test_foreign_key_that_only_becomes_nullable_is_not_touched(books: Shop, writer: Any) -> None:
    before = run(writer, "SELECT oid FROM pg_constraint WHERE contype = 'f'")
    books.migrate(alter(key(null=True)))
    assert run(writer, "SELECT oid FROM pg_constraint WHERE contype = 'f'") == before


def test_index_of_a_foreign_key_that_only_becomes_nullable_is_not_touched(books: Shop, writer: Any) -> None:
    indexes = "SELECT oid, relfilenode FROM pg_class WHERE relkind = 'i' ORDER BY oid"
    before = run(writer, indexes)
    books.migrate(alter(key(null=True)))
    assert run(writer, indexes) == before


@pytest.mark.filterwarnings("ignore::django_zero_downtime_migrations.errors.UnsafeOperationWarning")
def test_orphan_is_never_accepted_while_the_type_of_both_sides_changes(shop: Shop, writer: Any) -> None:
    shop.migrate(
        migrations.CreateModel("author", [("id", models.AutoField(primary_key=True))]),
        migrations.CreateModel("book", [ID, ("author", key())]),
    )
    shop.run("INSERT INTO shop_author SELECT n FROM generate_series(1, 10) n")
    shop.run("INSERT INTO shop_book (author_id) SELECT n FROM generate_series(1, 10) n")

    def attempt() -> None:
        # Stock Django cannot spare the moment without the foreign key either: the two types differ in between.
        if foreign_keys(writer, "shop_book"):
            assert is_refused(writer, "INSERT INTO shop_book (author_id) VALUES (4711)")

    with before_each_statement(shop.connection, attempt):
        shop.migrate(migrations.AlterField("author", "id", models.BigAutoField(primary_key=True)))
    assert foreign_keys(writer, "shop_book") == [("shop_author", True)]


INDEXES = """
SELECT o.opcname FROM pg_index i
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
JOIN pg_opclass o ON o.oid = i.indclass[0]
WHERE i.indrelid = 'shop_book'::regclass AND a.attname = 'title' AND i.indisvalid AND i.indisready AND i.indislive
"""


@pytest.fixture
def titles(shop: Shop) -> Callable[..., Shop]:
    def make(**options: Any) -> Shop:
        shop.migrate(migrations.CreateModel("book", [ID, ("title", models.CharField(max_length=20, **options))]))
        shop.run("INSERT INTO shop_book (title) SELECT 'title ' || n FROM generate_series(1, 100) n")
        return shop

    return make


def becomes(field: models.Field) -> migrations.AlterField:
    return migrations.AlterField("book", "title", field)


def is_indexed(session: Any, *, like: bool = True) -> None:
    """Assert that there is an index for equality and order, and for LIKE."""
    opclasses = {opclass.replace("varchar", "text") for (opclass,) in run(session, INDEXES)}
    assert opclasses >= ({"text_ops", "text_pattern_ops"} if like else {"text_ops"})


def takes_duplicates(session: Any) -> bool:
    """Try one, and remove it where it was taken."""
    if is_refused(session, "INSERT INTO shop_book (title) VALUES ('title 1')"):
        return False
    run(session, "DELETE FROM shop_book WHERE id = (SELECT max(id) FROM shop_book)")
    return True


def test_indexed_field_that_becomes_unique_is_always_indexed_and_never_has_a_duplicate(
    titles: Callable[..., Shop], writer: Any
) -> None:
    shop = titles(db_index=True)
    taken: list[bool] = []

    def attempt() -> None:
        is_indexed(writer)
        taken.append(takes_duplicates(writer))

    with before_each_statement(shop.connection, attempt):
        shop.migrate(becomes(models.CharField(max_length=20, unique=True)))
    assert taken == sorted(taken, reverse=True), "a duplicate was taken after one was refused"
    assert (taken[0], taken[-1]) == (True, False)


def test_unique_field_that_becomes_indexed_is_always_indexed(titles: Callable[..., Shop], writer: Any) -> None:
    shop = titles(unique=True)
    with before_each_statement(shop.connection, lambda: is_indexed(writer)):
        shop.migrate(becomes(models.CharField(max_length=20, db_index=True)))
    assert takes_duplicates(writer)


@pytest.mark.parametrize(
    "field", [models.CharField(max_length=40, unique=True), models.TextField(unique=True)], ids=["longer", "text"]
)
def test_unique_field_of_another_type_is_always_indexed_and_unique(
    titles: Callable[..., Shop], writer: Any, field: models.Field
) -> None:
    shop = titles(unique=True)

    # Django before 5.2 forgets the index for LIKE of a varchar that becomes a text.
    like = django.VERSION >= (5, 2) or not isinstance(field, models.TextField)

    def attempt() -> None:
        is_indexed(writer, like=like)
        assert not takes_duplicates(writer)

    with before_each_statement(shop.connection, attempt):
        shop.migrate(becomes(field))


def pairs(*sets: tuple[str, str]) -> migrations.AlterUniqueTogether:
    return migrations.AlterUniqueTogether("book", {*sets})


def test_replaced_unique_together_leaves_no_moment_without_one(shop: Shop, writer: Any) -> None:
    columns = [(name, models.IntegerField()) for name in ("a", "b", "c")]
    shop.migrate(migrations.CreateModel("book", [ID, *columns], options={"unique_together": {("a", "b")}}))
    shop.run("INSERT INTO shop_book (a, b, c) VALUES (1, 1, 1)")

    def attempt() -> None:
        assert is_refused(writer, "INSERT INTO shop_book (a, b, c) VALUES (1, 1, 1)"), "a duplicate was accepted"

    with before_each_statement(shop.connection, attempt):
        shop.migrate(pairs(("a", "c")))


def test_unique_field_that_becomes_the_primary_key_never_has_a_duplicate(shop: Shop, writer: Any) -> None:
    fields = [ID, ("isbn", models.CharField(max_length=13, unique=True))]
    shop.migrate(migrations.CreateModel("book", fields))
    shop.run("INSERT INTO shop_book (isbn) VALUES ('1')")

    def attempt() -> None:
        assert is_refused(writer, "INSERT INTO shop_book (isbn) VALUES ('1')"), "a duplicate was accepted"

    with before_each_statement(shop.connection, attempt):
        shop.migrate(
            migrations.RemoveField("book", "id"),
            migrations.AlterField("book", "isbn", models.CharField(max_length=13, primary_key=True)),
        )
