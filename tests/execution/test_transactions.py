"""The extent of transactions: inside the caller's, in RunPython and RunSQL, and in a migration of new tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as configured
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import DatabaseError, NotSupportedError, connections, migrations, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.backends.fixtures import Twins
from tests.backends.project import Shop, Site
from tests.backends.sessions import run

#: The editor warns so of tables in use that are scanned inside a transaction; here that is on purpose.
pytestmark = pytest.mark.filterwarnings("ignore:A statement that scans or builds inside a transaction")

ID = ("id", models.BigAutoField(primary_key=True))
AUTHOR = migrations.CreateModel("author", [ID, ("name", models.CharField(max_length=20))])
BOOK = migrations.CreateModel(
    "book",
    [
        ID,
        ("title", models.CharField(max_length=20, null=True)),
        ("pages", models.PositiveIntegerField(null=True)),
        ("author", models.ForeignKey("shop.author", models.CASCADE, null=True)),
    ],
)
BY_TITLE = models.Index(fields=["title"], name="by_title")
CHANGES = [
    migrations.AddField("book", "isbn", models.CharField(max_length=13, null=True, unique=True)),
    migrations.AddField(
        "book", "editor", models.ForeignKey("shop.author", models.CASCADE, null=True, related_name="+")
    ),
    migrations.AddField("book", "weight", models.PositiveIntegerField(null=True)),
    migrations.AlterField("book", "title", models.CharField(max_length=40, unique=True)),
    migrations.AlterField("book", "pages", models.PositiveIntegerField(default=3, db_index=True)),
    migrations.AlterField("book", "author", models.OneToOneField("shop.author", models.CASCADE)),
    migrations.AddConstraint("book", models.UniqueConstraint(fields=["pages", "title"], name="one")),
    migrations.AddIndex("book", BY_TITLE),
    migrations.RenameIndex("book", new_name="by_the_title", old_name="by_title"),
    migrations.RemoveIndex("book", "by_the_title"),
    migrations.RemoveField("book", "weight"),
    migrations.CreateModel("shelf", [ID, ("books", models.ManyToManyField("shop.book"))]),
    migrations.DeleteModel("shelf"),
]
CHANGES_IDS = [f"{number} {type(operation).__name__}" for number, operation in enumerate(CHANGES)]


@pytest.fixture
def books(twins: Twins) -> Twins:
    twins.migrate(AUTHOR, BOOK)
    twins.run("INSERT INTO shop_author (name) SELECT n FROM generate_series(1, 10) n")
    twins.run("INSERT INTO shop_book (title, author_id) SELECT n, n FROM generate_series(1, 10) n")
    return twins


def both(twins: Twins) -> tuple[Shop, Shop]:
    return twins.stock, twins.ours


# Inside the caller's transaction


def test_every_kind_of_change_works_inside_atomic_as_it_does_with_stock(books: Twins) -> None:
    for shop in both(books):
        with transaction.atomic(shop.alias):
            for change in CHANGES:
                shop.migrate(change)
    books.compare()


@pytest.mark.parametrize("change", CHANGES[:8], ids=CHANGES_IDS[:8])
def test_change_inside_atomic_is_gone_with_a_rollback(books: Twins, change: Any) -> None:
    before = books.dump(books.ours.connection)
    with transaction.atomic(books.ours.alias):
        books.ours.migrate(change)
        transaction.set_rollback(True, books.ours.alias)
    assert books.dump(books.ours.connection) == before


def test_change_inside_a_savepoint_is_gone_with_it(books: Twins) -> None:
    for shop in both(books):
        with transaction.atomic(shop.alias):
            shop.migrate(CHANGES[0])
            with pytest.raises(DatabaseError), transaction.atomic(shop.alias):
                shop.migrate(CHANGES[1])
                shop.run("SELECT 1 / 0")
    books.compare()
    assert "isbn" in books.dump(books.ours.connection)
    assert "editor" not in books.dump(books.ours.connection)


def test_rows_of_the_same_transaction_are_changed_as_stock_does(books: Twins) -> None:
    for shop in both(books):
        with transaction.atomic(shop.alias):
            shop.run("INSERT INTO shop_book (title) VALUES ('new')")
            # A table cannot be altered while the check of a foreign key is still to come.
            shop.run("SET CONSTRAINTS ALL IMMEDIATE")
            shop.migrate(migrations.AlterField("book", "pages", models.PositiveIntegerField(default=9)))
            shop.migrate(migrations.AddField("book", "isbn", models.CharField(max_length=13, null=True, unique=True)))
    books.compare()
    assert books.ours.run("SELECT pages FROM shop_book WHERE title = 'new'") == [(9,)]


def test_finding_says_that_a_table_in_use_is_scanned_inside_a_transaction(books: Twins) -> None:
    with transaction.atomic(books.ours.alias):
        editor = books.ours.migrate(migrations.AddIndex("book", BY_TITLE))
    [finding] = editor.findings
    assert (finding.code, finding.table) == ("IN_TRANSACTION", '"shop_book"')


def test_new_table_inside_a_transaction_has_no_finding(twins: Twins) -> None:
    with transaction.atomic(twins.ours.alias):
        editor = twins.ours.migrate(AUTHOR, BOOK, CHANGES[0], CHANGES[1], CHANGES[7])
    assert editor.findings == []


def test_nothing_is_sent_concurrently_inside_a_transaction(books: Twins) -> None:
    with transaction.atomic(books.ours.alias):
        sql = books.ours.collected(*CHANGES)
    assert not [line for line in sql if "CONCURRENTLY" in line or "NOT VALID" in line]


def test_autocommit_off_works_as_with_stock(
    make_connection: Callable[..., BaseDatabaseWrapper], dump: Callable[..., str]
) -> None:
    dumps = []
    for engine in (configured.ENGINE, configured.STOCK_ENGINE):
        shop = Shop(make_connection(engine, AUTOCOMMIT=False))
        for operations in ([AUTHOR, BOOK], *([change] for change in CHANGES)):
            shop.migrate(*operations)
        shop.connection.commit()
        dumps.append(dump(shop.connection))
    assert dumps[0] == dumps[1]


# RunPython


def in_atomic_block(seen: list[bool]) -> Callable[..., None]:
    return lambda apps, schema_editor: seen.append(schema_editor.connection.in_atomic_block)


class Recording(migrations.RunPython):
    """A RunPython whose function writes into something of the test's, so that it must not be copied with it."""

    def __deepcopy__(self, memo: Any) -> Recording:
        return self


#: RunPython(atomic=False) in an atomic migration is where we differ: it asks for no transaction and gets none.
AS_STOCK = [(True, None), (True, True), (False, None), (False, True), (False, False)]


@pytest.mark.parametrize(("of_migration", "of_operation"), AS_STOCK)
@pytest.mark.parametrize("position", ["alone", "after a change", "after a new table"])
def test_run_python_is_in_a_transaction_exactly_when_stock_has_it_in_one(
    books: Twins, of_migration: bool, of_operation: bool | None, position: str
) -> None:
    before = {
        "alone": [],
        "after a change": [CHANGES[0]],
        "after a new table": [migrations.CreateModel("shelf", [ID])],
    }[position]
    seen: list[bool] = []
    for shop in both(books):
        shop.migrate(*before, Recording(in_atomic_block(seen), atomic=of_operation), atomic=of_migration)
    assert seen[0] == seen[1]


@pytest.mark.parametrize("of_migration", [True, False])
def test_run_python_without_a_transaction_of_its_own_may_manage_transactions(books: Twins, of_migration: bool) -> None:
    def code(apps: Any, schema_editor: Any) -> None:
        alias = schema_editor.connection.alias
        book = apps.get_model("shop", "book")
        for row in book.objects.using(alias).order_by("id")[:3]:
            with transaction.atomic(alias):
                book.objects.using(alias).filter(pk=row.pk).update(pages=1)

    books.ours.migrate(Recording(code, atomic=False), atomic=of_migration)
    assert books.ours.run("SELECT count(*) FROM shop_book WHERE pages = 1") == [(3,)]


def fail(apps: Any, schema_editor: Any) -> None:
    apps.get_model("shop", "book").objects.using(schema_editor.connection.alias).update(title="changed")
    raise ValueError("on purpose")


def test_run_python_that_asks_for_no_transaction_has_none_in_an_atomic_migration_either(books: Twins) -> None:
    seen: list[bool] = []
    books.ours.migrate(CHANGES[0], Recording(in_atomic_block(seen), atomic=False), atomic=True)
    assert seen == [False]


@pytest.mark.parametrize(("of_migration", "of_operation"), AS_STOCK)
def test_run_python_that_fails_leaves_what_it_leaves_with_stock(
    books: Twins, of_migration: bool, of_operation: bool | None
) -> None:
    rows = []
    for shop in both(books):
        with pytest.raises(ValueError, match="on purpose"):
            shop.migrate(migrations.RunPython(fail, atomic=of_operation), atomic=of_migration)
        rows.append(shop.run("SELECT count(*) FROM shop_book WHERE title = 'changed'"))
        assert not shop.connection.in_atomic_block
    assert rows[0] == rows[1]


def field(model: Any, name: str, made: models.Field) -> models.Field:
    made.set_attributes_from_name(name)
    made.model = model
    return made


def add_index(apps: Any, schema_editor: Any) -> None:
    schema_editor.add_index(apps.get_model("shop", "book"), BY_TITLE)


def add_unique_field(apps: Any, schema_editor: Any) -> None:
    book = apps.get_model("shop", "book")
    schema_editor.add_field(book, field(book, "isbn", models.CharField(max_length=13, null=True, unique=True)))


def alter_field(apps: Any, schema_editor: Any) -> None:
    book = apps.get_model("shop", "book")
    new = field(book, "title", models.CharField(max_length=20, unique=True))
    schema_editor.alter_field(book, book._meta.get_field("title"), new)


def several(apps: Any, schema_editor: Any) -> None:
    for code in (add_index, add_unique_field, alter_field):
        code(apps, schema_editor)


@pytest.mark.parametrize("code", [add_index, add_unique_field, alter_field, several])
@pytest.mark.parametrize("atomic", [True, False])
def test_calls_of_the_editor_in_run_python_work_as_with_stock(books: Twins, code: Any, atomic: bool) -> None:
    books.migrate(migrations.RunPython(code), atomic=atomic)


def test_calls_of_the_editor_in_run_python_without_transaction_are_safe_ones(books: Twins) -> None:
    sent: list[str] = []

    def record(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        sent.append(str(sql))
        return execute(sql, params, many, context)

    with books.ours.connection.execute_wrapper(record):
        books.ours.migrate(migrations.RunPython(several, atomic=False), atomic=False)
    indexes = [sql for sql in sent if sql.startswith("CREATE") and "INDEX" in sql]
    assert indexes
    assert all("CONCURRENTLY" in sql for sql in indexes)


def test_rows_of_run_python_are_there_for_the_operations_after_it(books: Twins) -> None:
    def fill(apps: Any, schema_editor: Any) -> None:
        apps.get_model("shop", "book").objects.using(schema_editor.connection.alias).update(pages=5)

    books.migrate(migrations.RunPython(fill), migrations.AlterField("book", "pages", models.PositiveIntegerField()))


# RunSQL


TWO = ["INSERT INTO shop_author (name) VALUES ('first')", "INSERT INTO shop_author (name) VALUES (NULL)"]


@pytest.mark.parametrize("atomic", [True, False])
@pytest.mark.parametrize("sql", [TWO, "; ".join(TWO)], ids=["list", "text"])
def test_list_of_run_sql_is_a_transaction_where_it_is_one_with_stock(books: Twins, atomic: bool, sql: Any) -> None:
    rows = []
    for shop in both(books):
        with pytest.raises(DatabaseError, match="null value"):
            shop.migrate(migrations.RunSQL(sql), atomic=atomic)
        rows.append(shop.run("SELECT count(*) FROM shop_author WHERE name = 'first'"))
    assert rows[0] == rows[1]


def test_list_of_run_sql_in_an_atomic_migration_that_fails_leaves_nothing(books: Twins) -> None:
    with pytest.raises(DatabaseError, match="null value"):
        books.ours.migrate(migrations.RunSQL(TWO))
    assert books.ours.run("SELECT 1 FROM shop_author WHERE name = 'first'") == []


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE INDEX CONCURRENTLY by_title ON shop_book (title)",
        "create unique index concurrently by_title on shop_book (title);",
        "-- in peace\nCREATE INDEX /* while others write */ CONCURRENTLY\n  by_title ON shop_book (title)",
        ["CREATE INDEX CONCURRENTLY by_title ON shop_book (title)", "REINDEX INDEX CONCURRENTLY by_title"],
        ["INSERT INTO shop_author (name) VALUES ('x')", "CREATE INDEX CONCURRENTLY by_title ON shop_book (title)"],
        [("CREATE INDEX CONCURRENTLY by_title ON shop_book (title) WHERE title <> %s", ["x"])],
    ],
)
@pytest.mark.parametrize("atomic", [True, False])
def test_run_sql_that_cannot_stand_in_a_transaction_works(books: Twins, sql: Any, atomic: bool) -> None:
    books.ours.migrate(migrations.RunSQL(sql), atomic=atomic)
    valid = books.ours.run("SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_title'::regclass")
    assert valid == [(True,)]


def test_locks_of_run_sql_are_gone_before_the_next_operation(books: Twins, observer: Any) -> None:
    held: dict[str, list[Any]] = {}
    locks = "SELECT mode FROM pg_locks WHERE relation = 'shop_author'::regclass AND mode <> 'AccessShareLock'"

    def look(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        held[str(sql)] = run(observer, locks)
        return execute(sql, params, many, context)

    with books.ours.connection.execute_wrapper(look):
        books.ours.migrate(
            migrations.RunSQL(["LOCK TABLE shop_author IN ROW EXCLUSIVE MODE", "SELECT 1"]),
            migrations.AddIndex("book", BY_TITLE),
        )
    assert held["SELECT 1"]
    [build] = [locks for sql, locks in held.items() if sql.startswith("CREATE INDEX")]
    assert build == []


def test_operations_that_only_change_rows_and_new_tables_are_one_transaction_as_with_stock(books: Twins) -> None:
    with pytest.raises(ValueError, match="on purpose"):
        books.ours.migrate(migrations.CreateModel("shelf", [ID]), migrations.RunPython(fail))
    assert "shelf" not in books.dump(books.ours.connection)


# Concurrent operations of Django's own


@pytest.mark.parametrize("atomic", [True, False])
def test_concurrent_operations_work_in_atomic_migrations_too(books: Twins, atomic: bool) -> None:
    books.ours.migrate(AddIndexConcurrently("book", BY_TITLE), atomic=atomic)
    books.stock.migrate(migrations.AddIndex("book", BY_TITLE))
    books.compare()
    books.ours.migrate(RemoveIndexConcurrently("book", "by_title"), atomic=atomic)
    books.stock.migrate(migrations.RemoveIndex("book", "by_title"))
    books.compare()


def test_concurrent_index_on_a_table_of_the_same_migration(twins: Twins) -> None:
    twins.migrate(AUTHOR, BOOK, AddIndexConcurrently("book", BY_TITLE), atomic=False)


def test_concurrent_index_on_a_table_of_the_same_atomic_migration_is_refused_as_with_stock(twins: Twins) -> None:
    for shop in both(twins):
        with pytest.raises(NotSupportedError, match="atomic = False"):
            shop.migrate(AUTHOR, BOOK, AddIndexConcurrently("book", BY_TITLE))
    twins.compare()


# The remains of a failed migration


FAILURES = {
    "RunPython": migrations.RunPython(fail),
    "RunSQL": migrations.RunSQL("SELECT 1 / 0"),
    "operation": migrations.AddIndex("shelf", models.Index(models.Func("place", function="no_such"), name="broken")),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_migration_of_new_tables_that_fails_leaves_nothing(books: Twins, failure: Any) -> None:
    before = books.dump(books.ours.connection)
    with pytest.raises((ValueError, DatabaseError)):
        books.ours.migrate(
            migrations.CreateModel("shelf", [ID, ("place", models.CharField(max_length=9, unique=True))]),
            migrations.CreateModel("board", [ID, ("shelf", models.ForeignKey("shop.shelf", models.CASCADE))]),
            migrations.AddField("board", "length", models.PositiveIntegerField(default=1)),
            failure,
        )
    assert books.dump(books.ours.connection) == before
    assert not books.ours.connection.in_atomic_block


def test_migration_that_fails_later_keeps_what_was_committed(books: Twins) -> None:
    with pytest.raises(DatabaseError, match="division by zero"):
        books.ours.migrate(
            migrations.AddField("book", "isbn", models.CharField(max_length=13, null=True, unique=True)),
            migrations.CreateModel("shelf", [ID]),
            migrations.RunSQL("SELECT 1 / 0"),
        )
    after = books.dump(books.ours.connection)
    assert "shop_book_isbn_key" in after
    assert "shop_shelf" not in after


def test_new_table_that_points_to_a_busy_one_can_be_made_again_after_a_lock_timeout(
    books: Twins, other_session: Any, settings: Any
) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT = "100ms"
    page = migrations.CreateModel("page", [ID, ("book", models.ForeignKey("shop.book", models.CASCADE))])
    run(other_session, "UPDATE shop_book SET title = title")
    with pytest.raises(DatabaseError, match="lock timeout"):
        books.ours.migrate(page)
    other_session.rollback()
    books.migrate(page)


def test_migration_that_fails_is_not_recorded_and_its_error_is_the_servers(site: Site, database: Any) -> None:
    site.add(AUTHOR, BOOK)
    site.migrate()
    name = site.add(
        migrations.AddField("book", "isbn", models.CharField(max_length=13, null=True, unique=True)),
        migrations.RunSQL("SELECT 1 / 0"),
    )
    assert "division by zero" in site.refused()
    assert f"[ ] {name}" in site.manage("showmigrations", "shop").stdout
    columns = connections[database.alias].introspection.get_table_description
    with database.cursor() as cursor:
        assert "isbn" in [column.name for column in columns(cursor, "shop_book")]


def test_history_of_new_tables_and_rows_from_an_empty_database(site: Site, dump: Any, database: Any) -> None:
    site.add(AUTHOR, BOOK)
    site.add(migrations.RunSQL("INSERT INTO shop_author (name) VALUES ('a')", migrations.RunSQL.noop), *CHANGES)
    site.migrate()
    assert "shop_book_isbn_key" in dump(database)
    before = dump(database)
    site.migrate("shop", "0001")
    site.migrate("shop")
    assert sorted(dump(database).splitlines()) == sorted(before.splitlines())
    site.migrate("shop", "zero")
    assert "shop_" not in dump(database)
