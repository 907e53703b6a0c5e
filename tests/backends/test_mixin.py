"""`class Editor(DatabaseSchemaEditorMixin, SomePostgresEditor)` over a backend that is otherwise not ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as configured
from django.db import DatabaseError, migrations, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql.schema import DatabaseSchemaEditor as PostgresSchemaEditor

from django_zero_downtime_migrations.backends.postgres.schema import (
    DatabaseSchemaEditor,
    DatabaseSchemaEditorMixin,
    Unsafe,
    UnsafeOperationException,
    UnsafeOperationWarning,
)
from tests.backends.fixtures import Twins
from tests.backends.project import Shop
from tests.backends.sessions import run

#: The editor warns so of tables in use that are scanned inside a transaction; here that is on purpose.
pytestmark = pytest.mark.filterwarnings("ignore:A statement that scans or builds inside a transaction")

ID = ("id", models.BigAutoField(primary_key=True))
AUTHOR = migrations.CreateModel("author", [ID])
BOOK = migrations.CreateModel(
    "book",
    [
        ID,
        ("title", models.CharField(max_length=20, null=True)),
        ("pages", models.IntegerField(null=True)),
        ("author", models.ForeignKey("shop.author", models.CASCADE, null=True)),
    ],
)
BY_TITLE = models.Index(fields=["title"], name="by_title")
CHANGES = [
    migrations.AddField("book", "isbn", models.CharField(max_length=13, null=True, unique=True)),
    migrations.AddField("book", "weight", models.PositiveIntegerField(null=True)),
    migrations.AlterField("book", "title", models.CharField(max_length=40, unique=True)),
    migrations.AlterField("book", "pages", models.IntegerField(default=3, db_index=True)),
    migrations.AlterField("book", "author", models.OneToOneField("shop.author", models.CASCADE)),
    migrations.AddIndex("book", BY_TITLE),
    migrations.CreateModel("shelf", [ID, ("books", models.ManyToManyField("shop.book"))]),
    migrations.RemoveField("book", "weight"),
    migrations.DeleteModel("shelf"),
]
NOT_NULL = migrations.AddField("book", "isbn", models.CharField(max_length=13, default=""))


class Editor(DatabaseSchemaEditorMixin, PostgresSchemaEditor):
    pass


class Logging(PostgresSchemaEditor):
    """A custom editor, with something to do for each statement."""

    seen: list[str]

    def execute(self, sql: Any, params: Any = ()) -> None:
        self.seen.append(str(sql))
        super().execute(sql, params)


class OverLogging(DatabaseSchemaEditorMixin, Logging):
    seen: list[str] = []


class Bypassing(DatabaseSchemaEditorMixin, PostgresSchemaEditor):
    """An editor that binds methods of Django's beside the mixin's own, as Sentry does."""

    add_field = PostgresSchemaEditor.add_field
    alter_field = PostgresSchemaEditor.alter_field

    def delete_model(self, model: Any) -> None:
        super(DatabaseSchemaEditorMixin, self).delete_model(model)

    def remove_field(self, model: Any, field: Any) -> None:
        super(DatabaseSchemaEditorMixin, self).remove_field(model, field)


@pytest.fixture
def with_editor(
    make_connection: Callable[..., BaseDatabaseWrapper], stock_database: BaseDatabaseWrapper, dump: Callable[..., str]
) -> Callable[[type], Twins]:
    def make(editor: type) -> Twins:
        connection: Any = make_connection(configured.STOCK_ENGINE)
        connection.SchemaEditorClass = editor
        return Twins(Shop(connection), Shop(stock_database), dump)

    return make


@pytest.mark.parametrize("editor", [Editor, OverLogging, Bypassing])
def test_mixin_over_the_stock_backend_gives_the_schema_of_stock(
    with_editor: Callable[[type], Twins], editor: type
) -> None:
    twins = with_editor(editor)
    twins.migrate(AUTHOR, BOOK)
    twins.run("INSERT INTO shop_author VALUES (1); INSERT INTO shop_book (title, author_id) VALUES ('a', 1)")
    for change in CHANGES:
        twins.migrate(change)


@pytest.mark.parametrize("editor", [Editor, OverLogging, Bypassing])
def test_mixin_over_the_stock_backend_builds_indexes_concurrently(
    with_editor: Callable[[type], Twins], editor: type
) -> None:
    twins = with_editor(editor)
    twins.migrate(AUTHOR, BOOK)
    sent: list[str] = []

    def record(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        sent.append(str(sql))
        return execute(sql, params, many, context)

    with twins.ours.connection.execute_wrapper(record):
        twins.migrate(*CHANGES[:6])
    built = [sql for sql in sent if sql.startswith("CREATE") and " INDEX " in sql]
    assert built
    assert all("CONCURRENTLY" in sql for sql in built)


@pytest.mark.parametrize("editor", [Editor, OverLogging, Bypassing])
@pytest.mark.parametrize(
    ("operation", "code"),
    [
        (NOT_NULL, "ADD_COLUMN_NOT_NULL"),
        (migrations.AlterField("book", "title", models.IntegerField(null=True)), "ALTER_COLUMN_TYPE"),
        (migrations.RenameField("book", "title", "name"), "ALTER_TABLE_RENAME_COLUMN"),
        (migrations.AlterModelTable("book", "volume"), "ALTER_TABLE_RENAME"),
    ],
)
def test_mixin_refuses_what_is_unsafe(
    with_editor: Callable[[type], Twins], editor: type, operation: Any, code: str, settings: Any
) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE = True
    twins = with_editor(editor)
    twins.migrate(AUTHOR, BOOK)
    before = twins.dump(twins.ours.connection)
    with pytest.raises(UnsafeOperationException) as caught:
        twins.ours.migrate(operation)
    assert str(caught.value) == getattr(Unsafe, code)
    assert twins.dump(twins.ours.connection) == before


def test_execute_of_the_other_editor_sees_each_statement_that_is_sent(with_editor: Callable[[type], Twins]) -> None:
    twins = with_editor(OverLogging)
    twins.migrate(AUTHOR, BOOK)
    OverLogging.seen.clear()
    twins.migrate(CHANGES[0])
    assert [sql.split(" ON ")[0].split(" ADD ")[0] for sql in OverLogging.seen][:3] == [
        'ALTER TABLE "shop_book"',
        'CREATE UNIQUE INDEX CONCURRENTLY "shop_book_isbn_key"',
        'ALTER TABLE "shop_book"',
    ]


def test_mixin_over_the_stock_backend_works_inside_a_transaction(with_editor: Callable[[type], Twins]) -> None:
    twins = with_editor(Editor)
    for shop in (twins.ours, twins.stock):
        with transaction.atomic(shop.alias):
            shop.migrate(AUTHOR, BOOK)
            for change in CHANGES:
                shop.migrate(change)
    twins.compare()


@pytest.mark.parametrize("atomic", [True, False])
def test_mixin_over_the_stock_backend_rolls_new_tables_back_where_stock_does(
    with_editor: Callable[[type], Twins], atomic: bool
) -> None:
    twins = with_editor(Editor)
    for shop in (twins.ours, twins.stock):
        with pytest.raises(DatabaseError):
            shop.migrate(AUTHOR, BOOK, migrations.RunSQL("SELECT 1 / 0"), atomic=atomic)
    assert sorted(twins.ours.connection.introspection.table_names()) == sorted(
        twins.stock.connection.introspection.table_names()
    )


def test_subclass_may_wrap_execute_and_sees_strings(make_connection: Callable[..., BaseDatabaseWrapper]) -> None:
    seen: list[Any] = []

    class Sub(DatabaseSchemaEditor):
        def execute(self, sql: Any, params: Any = ()) -> None:
            seen.append(sql)
            super().execute(sql, params)

    connection: Any = make_connection()
    connection.SchemaEditorClass = Sub
    shop = Shop(connection)
    shop.migrate(AUTHOR, BOOK)
    shop.migrate(*CHANGES[:3])
    assert any(str(sql).startswith('CREATE TABLE "shop_book"') for sql in seen)
    assert all(isinstance(f"{sql}", str) for sql in seen)


def test_editor_without_its_with_block_changes_the_table(shop: Shop, observer: Any) -> None:
    shop.migrate(AUTHOR, BOOK)
    book = shop.model("book")
    editor = shop.connection.schema_editor()
    editor.add_index(book, BY_TITLE)
    editor.execute("CREATE TABLE plain (id int)")
    assert run(observer, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_title'::regclass") == [(True,)]
    assert run(observer, "SELECT to_regclass('plain')::text") == [("plain",)]
    assert not shop.connection.in_atomic_block


def test_editor_without_its_with_block_leaves_no_transaction_after_an_error(shop: Shop) -> None:
    shop.migrate(AUTHOR, BOOK)
    editor = shop.connection.schema_editor()
    with pytest.raises(DatabaseError):
        editor.execute("SELECT 1 / 0")
    assert not shop.connection.in_atomic_block
    assert shop.run("SELECT 1") == [(1,)]


def test_two_editors_one_in_the_other_work_on_one_connection(shop: Shop) -> None:
    shop.migrate(AUTHOR, BOOK)
    book = shop.model("book")
    with shop.connection.schema_editor() as outer:
        outer.add_index(book, BY_TITLE)
        with shop.connection.schema_editor() as inner:
            inner.add_index(book, models.Index(fields=["pages"], name="by_pages"))
        outer.remove_index(book, BY_TITLE)
    indexes = [name for (name,) in shop.run("SELECT indexname FROM pg_indexes WHERE tablename = 'shop_book'")]
    assert "by_pages" in indexes
    assert "by_title" not in indexes


def test_warning_of_a_finding_points_to_the_caller(shop: Shop) -> None:
    shop.migrate(AUTHOR, BOOK)
    with pytest.warns(UnsafeOperationWarning) as caught:
        shop.migrate(NOT_NULL)
    [warning] = caught
    assert str(warning.message).startswith(Unsafe.ADD_COLUMN_NOT_NULL)
    assert "shop.book.isbn" in str(warning.message)
