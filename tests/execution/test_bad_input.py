"""Input that the server refuses: a clear error, the database as before the step, and a way on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import DatabaseError, NotSupportedError, migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Q

from tests import databases
from tests.backends.fixtures import Twins
from tests.backends.project import Shop, Site
from tests.backends.sessions import run, told

ID = ("id", models.BigAutoField(primary_key=True))
AUTHOR = migrations.CreateModel("author", [ID])
BOOK = migrations.CreateModel(
    "book",
    [
        ID,
        ("title", models.CharField(max_length=20, null=True)),
        ("pages", models.IntegerField(null=True)),
        ("number", models.BigIntegerField(null=True)),
        ("author", models.ForeignKey("shop.author", models.CASCADE, null=True)),
    ],
)
#: The possible remains of a failed step that pg_dump does not show, or shows as if nothing was wrong.
REMAINS = """
SELECT indexrelid::regclass::text FROM pg_index WHERE NOT (indisvalid AND indisready AND indislive)
UNION ALL SELECT conname FROM pg_constraint WHERE NOT convalidated
UNION ALL SELECT relname FROM pg_class WHERE relname LIKE '%zdm%'
UNION ALL SELECT conname FROM pg_constraint WHERE conname LIKE '%zdm%'
"""


def check(condition: Q, name: str) -> models.CheckConstraint:
    try:
        return models.CheckConstraint(condition=condition, name=name)
    except TypeError:  # Django before 5.1
        return models.CheckConstraint(check=condition, name=name)


@dataclass
class Invalid:
    """Rows that an operation cannot have.

    :param rows: an INSERT of them.
    :param repair: what makes them right.
    :param says: what the error has to name, including the way out.
    """

    operation: Any
    rows: str
    repair: str
    says: tuple[str, ...]


DUPLICATES = "INSERT INTO shop_book (title, number) VALUES ('a', 1), ('a', 1)"
APART = "UPDATE shop_book SET title = id, number = id"
FIND = "find and merge them"
ORPHAN = "INSERT INTO shop_book (number) VALUES (4711)"
NULL = "INSERT INTO shop_book DEFAULT VALUES"

INVALID = {
    "unique constraint": Invalid(
        migrations.AddConstraint("book", models.UniqueConstraint(fields=["title"], name="one_title")),
        DUPLICATES,
        APART,
        ("one_title", "shop_book", "(title)=(a)", FIND),
    ),
    "unique constraint with a condition": Invalid(
        migrations.AddConstraint(
            "book", models.UniqueConstraint(fields=["title"], condition=Q(number__gt=0), name="one_title")
        ),
        DUPLICATES,
        APART,
        ("one_title", "shop_book", "(title)=(a)", FIND),
    ),
    "deferrable unique constraint": Invalid(
        migrations.AddConstraint(
            "book",
            models.UniqueConstraint(fields=["title"], deferrable=models.Deferrable.DEFERRED, name="one_title"),
        ),
        DUPLICATES,
        APART,
        ("one_title", "shop_book", "(title)=(a)", FIND),
    ),
    "unique field": Invalid(
        migrations.AlterField("book", "title", models.CharField(max_length=20, null=True, unique=True)),
        DUPLICATES,
        APART,
        ("shop_book", "(title)=(a)", FIND),
    ),
    "unique together": Invalid(
        migrations.AlterUniqueTogether("book", {("title", "number")}),
        DUPLICATES,
        APART,
        ("shop_book", "(title, number)=(a, 1)", FIND),
    ),
    "new unique field with a default": Invalid(
        migrations.AddField("book", "isbn", models.CharField(max_length=13, null=True, unique=True, default="x")),
        DUPLICATES,
        "DELETE FROM shop_book WHERE id > 1",
        ("shop_book_isbn_key", "shop_book", "(isbn)=(x)", FIND),
    ),
    "one to one": Invalid(
        migrations.AlterField("book", "author", models.OneToOneField("shop.author", models.CASCADE, null=True)),
        "INSERT INTO shop_author VALUES (1); INSERT INTO shop_book (author_id) VALUES (1), (1)",
        "UPDATE shop_book SET author_id = NULL WHERE id > 1",
        ("shop_book", "(author_id)=(1)", FIND),
    ),
    "check": Invalid(
        migrations.AddConstraint("book", check(Q(pages__gt=0), "has_pages")),
        "INSERT INTO shop_book (pages) VALUES (0)",
        "UPDATE shop_book SET pages = 1",
        ("has_pages", "shop_book", "repair them"),
    ),
    "positive field": Invalid(
        migrations.AlterField("book", "pages", models.PositiveIntegerField(null=True)),
        "INSERT INTO shop_book (pages) VALUES (-1)",
        "UPDATE shop_book SET pages = 1",
        ("pages_", "shop_book", "repair them"),
    ),
    "new field with a default that its check refuses": Invalid(
        migrations.AddField("book", "weight", models.PositiveIntegerField(null=True, default=-1)),
        NULL,
        "DELETE FROM shop_book",
        ("shop_book_weight_check", "shop_book", "repair them"),
    ),
    "foreign key": Invalid(
        migrations.AlterField(
            "book",
            "number",
            models.ForeignKey("shop.author", models.CASCADE, null=True, db_column="number", related_name="+"),
        ),
        ORPHAN,
        "DELETE FROM shop_book",
        ("shop_author", "shop_book", "(number)=(4711)", "repair or delete them"),
    ),
    "new foreign key with a default": Invalid(
        migrations.AddField(
            "book",
            "reader",
            models.ForeignKey("shop.author", models.CASCADE, null=True, default=4711, related_name="+"),
        ),
        NULL,
        "INSERT INTO shop_author VALUES (4711)",
        ("shop_author", "shop_book", "(reader_id)=(4711)", "repair or delete them"),
    ),
    "not null": Invalid(
        migrations.AlterField("book", "pages", models.IntegerField()),
        NULL,
        "UPDATE shop_book SET pages = 1",
        ("shop_book", "pages", "give them a value"),
    ),
    "not null and unique": Invalid(
        migrations.AlterField("book", "title", models.CharField(max_length=20, unique=True)),
        NULL,
        "UPDATE shop_book SET title = id",
        ("shop_book", "title", "give them a value"),
    ),
}


@pytest.fixture
def books(twins: Twins) -> Twins:
    twins.migrate(AUTHOR, BOOK)
    return twins


@pytest.fixture
def failed(books: Twins, request: Any) -> tuple[Invalid, Twins, DatabaseError, str]:
    """A migration that has failed on the rows of the table, and the schema before it."""
    invalid: Invalid = request.param
    books.run(invalid.rows)
    before = books.dump(books.ours.connection)
    with pytest.raises(DatabaseError) as caught:
        books.ours.migrate(invalid.operation)
    return invalid, books, caught.value, before


EACH = pytest.mark.parametrize("failed", INVALID.values(), ids=INVALID, indirect=True)


@EACH
def test_invalid_rows_give_an_error_that_names_the_object_and_the_way_out(failed: Any) -> None:
    invalid, _, error, _ = failed
    text = told(error)
    assert [word for word in invalid.says if word not in text] == []


@EACH
def test_invalid_rows_leave_the_schema_and_the_connection_as_they_were(failed: Any) -> None:
    _, books, _, before = failed
    assert books.dump(books.ours.connection) == before
    assert books.ours.run(REMAINS) == []
    assert not books.ours.connection.in_atomic_block


@EACH
def test_after_a_repair_of_the_rows_the_same_migration_succeeds(failed: Any) -> None:
    invalid, books, _, _ = failed
    books.run(invalid.repair)
    books.migrate(invalid.operation)
    assert books.ours.run(REMAINS) == []


def test_step_that_has_succeeded_before_does_not_stop_the_same_migration_from_succeeding_later(books: Twins) -> None:
    wider = migrations.AlterField("book", "title", models.CharField(max_length=40, null=True, unique=True))
    books.run(DUPLICATES)
    with pytest.raises(DatabaseError, match="duplicate"):
        books.ours.migrate(wider)
    assert books.ours.run(REMAINS) == []
    books.run(APART)
    books.migrate(wider)


@pytest.mark.parametrize("name", ["unique constraint", "check", "foreign key", "not null"])
def test_writes_of_others_are_not_refused_after_a_failure(books: Twins, name: str) -> None:
    invalid = INVALID[name]
    books.run(invalid.rows)
    with pytest.raises(DatabaseError):
        books.ours.migrate(invalid.operation)
    books.ours.run(invalid.rows)


def test_default_of_a_not_null_column_is_gone_when_the_fill_fails(books: Twins) -> None:
    books.run("ALTER TABLE shop_book ADD CHECK (pages <> 7)")
    books.run(NULL)
    before = books.dump(books.ours.connection)
    with pytest.raises(DatabaseError, match="violates check constraint") as caught:
        books.ours.migrate(migrations.AlterField("book", "pages", models.IntegerField(default=7)))
    assert "shop_book" in told(caught.value)
    assert books.dump(books.ours.connection) == before
    assert books.ours.run(REMAINS) == []


# Views


VIEWS = {
    "view": "CREATE VIEW long_books AS SELECT id FROM shop_book WHERE pages > 100",
    "materialized view": "CREATE MATERIALIZED VIEW long_books AS SELECT id, pages FROM shop_book",
    "view of a view": "CREATE VIEW base AS SELECT * FROM shop_book; CREATE VIEW long_books AS SELECT pages FROM base",
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_column_that_a_view_reads_is_not_dropped_and_the_error_names_the_view(books: Twins, view: str) -> None:
    books.ours.run(view)
    before = books.dump(books.ours.connection)
    with pytest.raises(DatabaseError) as caught:
        books.ours.migrate(migrations.RemoveField("book", "pages"))
    text = told(caught.value)
    assert "base" in text if "base" in view else "long_books" in text
    assert "pages" in text
    assert "Drop or replace" in text
    assert books.dump(books.ours.connection) == before


def test_column_is_dropped_when_the_view_is_gone(books: Twins) -> None:
    books.ours.run(VIEWS["view"])
    with pytest.raises(DatabaseError):
        books.ours.migrate(migrations.RemoveField("book", "pages"))
    books.ours.run("DROP VIEW long_books")
    books.migrate(migrations.RemoveField("book", "pages"))


def test_view_that_reads_another_column_does_not_matter(books: Twins) -> None:
    books.run("CREATE VIEW long_books AS SELECT id, title FROM shop_book")
    books.migrate(migrations.RemoveField("book", "pages"))


def test_indexes_and_constraints_of_a_column_that_a_view_reads_stay(books: Twins) -> None:
    books.run("CREATE UNIQUE INDEX by_pages ON shop_book (pages)")
    books.ours.run(VIEWS["view"])
    before = books.dump(books.ours.connection)
    with pytest.raises(DatabaseError):
        books.ours.migrate(migrations.RemoveField("book", "pages"))
    assert books.dump(books.ours.connection) == before


def test_type_of_a_column_that_a_view_reads_is_not_changed_and_the_error_names_the_view(books: Twins) -> None:
    books.ours.run("CREATE VIEW titles AS SELECT title FROM shop_book")
    before = books.dump(books.ours.connection)
    with pytest.raises(NotSupportedError) as caught:
        books.ours.migrate(migrations.AlterField("book", "title", models.CharField(max_length=40, null=True)))
    assert "titles" in told(caught.value)
    assert books.dump(books.ours.connection) == before


# Rights


@pytest.fixture
def role() -> Iterator[str]:
    """Make a role that may log in, and no more."""
    with closing(databases.open_session(autocommit=True)) as session:
        name = "visitor_" + str(run(session, "SELECT pg_backend_pid()")[0][0])
        run(session, f"CREATE ROLE {name} LOGIN PASSWORD '{name}'")
        yield name
        run(session, f"DROP ROLE {name}")


@pytest.fixture
def visitor(role: str, shop: Shop, make_connection: Callable[..., BaseDatabaseWrapper]) -> Iterator[Shop]:
    """Connect to the same database as a role that may read and write another role's tables."""
    shop.migrate(AUTHOR, BOOK)
    shop.run(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}")
    connection = make_connection(name=shop.connection.settings_dict["NAME"], USER=role, PASSWORD=role)
    visiting = Shop(connection)
    visiting.states = shop.states
    yield visiting
    shop.run(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}")


FOR_THE_OWNER = {
    "column": migrations.AddField("book", "weight", models.IntegerField(null=True)),
    "index": migrations.AddIndex("book", models.Index(fields=["title"], name="by_title")),
    "unique constraint": INVALID["unique constraint"].operation,
    "check": INVALID["check"].operation,
    "not null": INVALID["not null"].operation,
    "not null with a default": migrations.AlterField("book", "pages", models.IntegerField(default=3)),
    "no column": migrations.RemoveField("book", "pages"),
    "no table": migrations.DeleteModel("book"),
}


@pytest.mark.parametrize("operation", FOR_THE_OWNER.values(), ids=FOR_THE_OWNER)
def test_role_that_does_not_own_the_table_is_told_so(
    visitor: Shop, shop: Shop, dump: Callable[..., str], operation: Any
) -> None:
    before = dump(shop.connection)
    with pytest.raises(DatabaseError, match="must be owner") as caught:
        visitor.migrate(operation)
    text = told(caught.value)
    assert "shop_book" in text
    assert "migrate as its owner" in text
    assert dump(shop.connection) == before
    assert visitor.run("SELECT 1") == [(1,)]


def test_role_without_the_right_to_refer_to_a_table_is_told_so(
    visitor: Shop, shop: Shop, role: str, dump: Callable[..., str]
) -> None:
    shop.run(f"GRANT CREATE ON SCHEMA public TO {role}")
    before = dump(shop.connection)
    pointing = migrations.CreateModel("page", [ID, ("book", models.ForeignKey("shop.book", models.CASCADE))])
    with pytest.raises(DatabaseError, match="permission denied") as caught:
        visitor.migrate(pointing)
    assert "shop_book" in told(caught.value)
    assert dump(shop.connection) == before
    shop.run(f"REVOKE CREATE ON SCHEMA public FROM {role}")


# The command line


def test_server_that_cannot_be_reached_is_named(site: Site) -> None:
    site.add(AUTHOR)
    # Port 1 of this machine has no listener.
    site.database |= {"HOST": "127.0.0.1", "PORT": "1"}
    output = site.refused()
    assert "OperationalError" in output
    assert "port 1" in output or "127.0.0.1" in output


WRONG = {
    "duration": ("LOCK_TIMEOUT", "2 seconds", ("LOCK_TIMEOUT", "2 seconds", "500ms")),
    "flag": ("RAISE_FOR_UNSAFE", "yes", ("RAISE_FOR_UNSAFE", "'yes'", "True or False")),
    "misspelt": ("LOCK_TIMOUT", "2s", ("LOCK_TIMOUT", "LOCK_TIMEOUT")),
}


@pytest.mark.parametrize(("name", "value", "says"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("installed", [True, False])
def test_wrong_setting_stops_migrate_before_anything_is_done(
    site: Site, database: BaseDatabaseWrapper, name: str, value: str, says: Any, installed: bool
) -> None:
    site.add(AUTHOR)
    if installed:
        site.settings["INSTALLED_APPS"].append("django_zero_downtime_migrations")
        site.settings[f"ZERO_DOWNTIME_MIGRATIONS_{name}"] = value
    else:
        site.database["ZERO_DOWNTIME_MIGRATIONS"] = {name: value}
    output = site.refused()
    assert [word for word in says if word not in output] == []
    assert "Traceback" not in output
    assert database.introspection.table_names() == []


@pytest.mark.parametrize(("name", "value", "says"), WRONG.values(), ids=WRONG)
def test_wrong_setting_is_said_by_check_where_the_app_is_installed(
    site: Site, name: str, value: str, says: Any
) -> None:
    site.settings["INSTALLED_APPS"].append("django_zero_downtime_migrations")
    site.settings[f"ZERO_DOWNTIME_MIGRATIONS_{name}"] = value
    output = site.refused("check")
    assert [word for word in says if word not in output] == []
    assert "Traceback" not in output


def test_wrong_setting_stops_a_migration_whose_checks_were_skipped(site: Site, database: BaseDatabaseWrapper) -> None:
    site.add(AUTHOR)
    site.settings["ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT"] = "2 seconds"
    output = site.refused("migrate", "--skip-checks")
    assert "ImproperlyConfigured" in output
    assert "2 seconds" in output
    assert "shop_author" not in database.introspection.table_names()


# A server that is too old


def test_server_older_than_14_is_refused_before_anything_runs(shop: Shop, dump: Any) -> None:
    shop.migrate(AUTHOR)
    before = dump(shop.connection)
    # The answers that the connection got when it was made are forgotten.
    shop.connection.pg_version = 130023
    with pytest.raises(NotSupportedError) as caught:
        shop.migrate(migrations.AddField("author", "name", models.TextField(null=True)))
    for text in (repr(shop.alias), "PostgreSQL 14 or later", "13.23", "Nothing was changed"):
        assert text in str(caught.value)
    assert dump(shop.connection) == before


def test_new_table_on_a_server_older_than_14_is_refused_as_well(shop: Shop, dump: Any) -> None:
    shop.connection.ensure_connection()
    shop.connection.pg_version = 130023
    with pytest.raises(NotSupportedError, match="PostgreSQL 14 or later"):
        shop.migrate(AUTHOR)
    assert "shop_author" not in dump(shop.connection)
