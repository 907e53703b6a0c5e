"""The dependents of a dropped column, table, constraint or sequence are named before the first step, with what to type.

Nothing is taken away before: the table keeps its constraints and indexes. What is named can be dropped as the message
says, and then the same migration passes.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import DatabaseError, migrations, models

from django_zero_downtime_migrations.errors import CannotMigrate
from tests.backends.project import Shop
from tests.commands.judged import check

ID = ("id", models.BigAutoField(primary_key=True))
SHELF = migrations.CreateModel("shelf", [ID])
BOOK = migrations.CreateModel(
    "book",
    [
        ID,
        ("pages", models.IntegerField(null=True, unique=True)),
        ("title", models.CharField(max_length=20, db_index=True)),
        ("shelf", models.ForeignKey("shop.shelf", models.CASCADE, null=True, related_name="+")),
    ],
    {"indexes": [models.Index(fields=["pages", "title"], name="by_both")]},
)
REMOVED = migrations.RemoveField("book", "pages")
FUNCTION = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; "
#: What is made, what the message calls it, and how it says to drop it.
OF_COLUMN = {
    "view": ("CREATE VIEW v AS SELECT pages FROM shop_book", "view v", "DROP VIEW v"),
    "materialized view": (
        "CREATE MATERIALIZED VIEW v AS SELECT pages FROM shop_book", "materialized view v", "DROP MATERIALIZED VIEW v",
    ),
    "rule": (
        "CREATE RULE r AS ON INSERT TO shop_book WHERE NEW.pages < 0 DO NOTHING",
        "rule r on shop_book", "DROP RULE r ON shop_book",
    ),
    "rule of another table": (
        "CREATE RULE r AS ON INSERT TO shop_shelf DO ALSO UPDATE shop_book SET pages = 1 WHERE false",
        "rule r on shop_shelf", "DROP RULE r ON shop_shelf",
    ),
    "trigger of the column": (
        FUNCTION + "CREATE TRIGGER t BEFORE UPDATE OF pages ON shop_book FOR EACH ROW EXECUTE FUNCTION f()",
        "trigger t on shop_book", "DROP TRIGGER t ON shop_book",
    ),
    "trigger with a condition": (
        FUNCTION + 'CREATE TRIGGER "T %" AFTER INSERT ON shop_book FOR EACH ROW WHEN (NEW.pages > 0) '
        "EXECUTE FUNCTION f()",
        'trigger "T %" on shop_book', 'DROP TRIGGER "T %" ON shop_book',
    ),
    "policy, using": (
        "CREATE POLICY p ON shop_book USING (pages IS NOT NULL)", "policy p on shop_book", "DROP POLICY p ON shop_book",
    ),
    "policy, with check": (
        "CREATE POLICY p ON shop_book FOR INSERT WITH CHECK (pages > 0)",
        "policy p on shop_book", "DROP POLICY p ON shop_book",
    ),
    "policy of another table": (
        "CREATE POLICY p ON shop_shelf USING (id IN (SELECT pages FROM shop_book))",
        "policy p on shop_shelf", "DROP POLICY p ON shop_shelf",
    ),
    "function": (
        "CREATE FUNCTION g(integer) RETURNS bigint BEGIN ATOMIC SELECT count(pages) FROM shop_book; END",
        "function g(integer)", "DROP FUNCTION g(integer)",
    ),
    "procedure": (
        "CREATE PROCEDURE g() BEGIN ATOMIC UPDATE shop_book SET pages = 1 WHERE false; END",
        "procedure g()", "DROP PROCEDURE g()",
    ),
    "generated column": (
        "ALTER TABLE shop_book ADD twice integer GENERATED ALWAYS AS (pages * 2) STORED",
        "generated column twice of shop_book", "ALTER TABLE shop_book DROP COLUMN twice",
    ),
    "default of another column": (
        "CREATE SEQUENCE s OWNED BY shop_book.pages; ALTER TABLE shop_shelf ADD n integer DEFAULT nextval('s')",
        "the default of column n of shop_shelf", "ALTER TABLE shop_shelf ALTER COLUMN n DROP DEFAULT",
    ),
    "in another schema": (
        'CREATE SCHEMA "Other"; CREATE VIEW "Other"."V" AS SELECT pages FROM shop_book',
        'view "Other"."V"', 'DROP VIEW "Other"."V"',
    ),
}  # fmt: skip
PUBLICATIONS = {
    "columns": "CREATE PUBLICATION p FOR TABLE shop_book (id, pages)",
    "rows": "CREATE PUBLICATION p FOR TABLE shop_book WHERE (pages > 0) WITH (publish = 'insert')",
}
OF_TABLE = {
    "view": ("CREATE VIEW v AS SELECT FROM shop_book", "view v", "DROP VIEW v"),
    "function": (
        "CREATE FUNCTION g() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM shop_book; END",
        "function g()", "DROP FUNCTION g()",
    ),
    "function with its rows": (
        "CREATE FUNCTION g(shop_book) RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "function g(shop_book)", "DROP FUNCTION g(shop_book)",
    ),
    "column with its rows": (
        "CREATE TABLE log (id integer, was shop_book)", "column was of log", "ALTER TABLE log DROP COLUMN was",
    ),
    "policy of another table": (
        "CREATE POLICY p ON shop_shelf USING (id IN (SELECT pages FROM shop_book))",
        "policy p on shop_shelf", "DROP POLICY p ON shop_shelf",
    ),
    "child": ("CREATE TABLE old () INHERITS (shop_book)", "table old", "DROP TABLE old"),
    "default of its sequence": (
        "ALTER TABLE shop_shelf ADD n bigint DEFAULT nextval('shop_book_id_seq')",
        "the default of column n of shop_shelf", "ALTER TABLE shop_shelf ALTER COLUMN n DROP DEFAULT",
    ),
}  # fmt: skip
THERE = """
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint UNION ALL
SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index WHERE indisvalid UNION ALL
SELECT polname, '' FROM pg_policy UNION ALL SELECT tgname, '' FROM pg_trigger UNION ALL
SELECT oid::regclass::text, '' FROM pg_class UNION ALL SELECT adrelid::text, adnum::text FROM pg_attrdef ORDER BY 1, 2
"""


@pytest.fixture
def library(shop: Shop) -> Shop:
    shop.migrate(SHELF, BOOK)
    shop.run("INSERT INTO shop_book (pages, title) SELECT n, n FROM generate_series(1, 10) n")
    return shop


def assert_named(shop: Shop, name: str, drop: str, *operations: Any) -> None:
    """The operation is refused with this name, nothing is changed, and what is to be typed lets it pass."""
    report = check(shop, list(operations))
    assert any(name in entry.finding.message for entry in report.entries if entry.finding.code == "CANNOT_MIGRATE")
    before = shop.run(THERE)
    with pytest.raises(CannotMigrate, match=re.escape(f"{name} depends on it")) as refused:
        shop.migrate(*operations)
    assert shop.run(THERE) == before
    assert f"in a migration before this one: {drop}. " in str(refused.value)
    shop.migrate(migrations.RunSQL(drop), *operations)


@pytest.mark.parametrize("kind", OF_COLUMN)
def test_column(library: Shop, kind: str) -> None:
    sql, name, drop = OF_COLUMN[kind]
    library.run(sql)
    assert_named(library, name, drop, REMOVED)


@pytest.mark.parametrize("kind", PUBLICATIONS)
def test_column_in_a_publication(library: Shop, kind: str, server_major: int) -> None:
    if server_major < 15:
        # The server does not have them yet.
        with pytest.raises(DatabaseError):
            library.run(PUBLICATIONS[kind])
        return
    library.run(PUBLICATIONS[kind])
    drop = "ALTER PUBLICATION p DROP TABLE shop_book"
    assert_named(library, "publication p (of shop_book)", drop, REMOVED)


def test_column_when_the_migration_is_taken_back(library: Shop) -> None:
    library.migrate(migrations.AddField("book", "rank", models.IntegerField(null=True, unique=True)))
    library.run("CREATE POLICY p ON shop_book USING (rank > 0)")
    before = library.run(THERE)
    with pytest.raises(CannotMigrate, match="policy p on shop_book depends on it"):
        library.unapply()
    assert library.run(THERE) == before


def test_everything_that_depends_is_named(library: Shop) -> None:
    for sql in (OF_COLUMN["view"][0], OF_COLUMN["policy, using"][0]):
        library.run(sql)
    with pytest.raises(
        CannotMigrate, match=r"policy p on shop_book, view v depend on it.*: DROP POLICY p ON shop_book; D"
    ):
        library.migrate(REMOVED)


def test_what_goes_silently_with_stock_django_goes(library: Shop) -> None:
    """Statistics, checks, keys and indexes over several columns, its own default and sequence."""
    library.run("CREATE STATISTICS st ON pages, title FROM shop_book")
    library.run("ALTER TABLE shop_book ADD CHECK (pages > length(title) - 10), ADD UNIQUE (pages, title)")
    library.run(
        "CREATE SEQUENCE s OWNED BY shop_book.pages; ALTER TABLE shop_book ALTER pages SET DEFAULT nextval('s')"
    )
    library.run("CREATE PUBLICATION whole FOR TABLE shop_book")
    library.migrate(REMOVED)
    assert library.run("SELECT to_regclass('s'), (SELECT count(*) FROM pg_statistic_ext)") == [(None, 0)]


@pytest.mark.parametrize("kind", OF_TABLE)
def test_table(library: Shop, kind: str) -> None:
    sql, name, drop = OF_TABLE[kind]
    library.run(sql)
    assert_named(library, name, drop, migrations.DeleteModel("book"))


def test_table_with_what_belongs_to_it_goes(library: Shop) -> None:
    library.run(OF_COLUMN["policy, using"][0])
    library.run(OF_COLUMN["trigger of the column"][0])
    library.run("CREATE PUBLICATION whole FOR TABLE shop_book; CREATE STATISTICS st ON pages, title FROM shop_book")
    library.run(OF_COLUMN["generated column"][0])
    library.run("CREATE TABLE page (book bigint REFERENCES shop_book)")
    library.migrate(migrations.DeleteModel("book"))
    assert library.run("SELECT to_regclass('shop_book') FROM pg_publication") == [(None,)]


def test_unique_constraint_that_a_foreign_key_of_somebody_else_needs(library: Shop) -> None:
    library.run("CREATE TABLE other (pages integer CONSTRAINT of_pages REFERENCES shop_book (pages))")
    alter = migrations.AlterField("book", "pages", models.IntegerField(null=True, db_index=True))
    assert_named(library, "foreign key of_pages on other", "ALTER TABLE other DROP CONSTRAINT of_pages", alter)


def test_unique_index_that_a_foreign_key_of_somebody_else_needs(library: Shop) -> None:
    index = models.Index(fields=["title"], name="of_title")
    library.run("CREATE UNIQUE INDEX of_title ON shop_book (title)")
    library.run("CREATE TABLE other (title varchar CONSTRAINT to_title REFERENCES shop_book (title))")
    library.migrate(
        migrations.SeparateDatabaseAndState(state_operations=[migrations.AddIndex("book", index)]),
    )
    remove = migrations.RemoveIndex("book", "of_title")
    assert_named(library, "foreign key to_title on other", "ALTER TABLE other DROP CONSTRAINT to_title", remove)


def test_primary_key_by_which_a_view_is_grouped(library: Shop) -> None:
    library.run("CREATE TABLE other (title text)")
    library.run("CREATE VIEW v AS SELECT title FROM shop_book GROUP BY id")
    alter = migrations.AlterField("book", "id", models.BigIntegerField(unique=True))
    assert_named(library, "view v", "DROP VIEW v", alter)


def test_sequence_that_a_default_of_somebody_else_needs(shop: Shop) -> None:
    """The sequence of a legacy serial, which Django drops with CASCADE."""
    shop.migrate(migrations.CreateModel("book", [("id", models.AutoField(primary_key=True))]))
    shop.run("ALTER TABLE shop_book ALTER id DROP IDENTITY; CREATE SEQUENCE shop_book_id_seq OWNED BY shop_book.id")
    shop.run("ALTER TABLE shop_book ALTER id SET DEFAULT nextval('shop_book_id_seq')")
    shop.run("CREATE TABLE other (n bigint DEFAULT nextval('shop_book_id_seq'))")
    alter = migrations.AlterField("book", "id", models.IntegerField(primary_key=True))
    assert_named(shop, "the default of column n of other", "ALTER TABLE other ALTER COLUMN n DROP DEFAULT", alter)


def test_column_of_a_partition_key(library: Shop) -> None:
    library.run("DROP TABLE shop_book; CREATE TABLE shop_book (id bigint, pages integer, title text, shelf_id bigint)")
    library.run("ALTER TABLE shop_book RENAME TO b; CREATE TABLE shop_book (LIKE b) PARTITION BY LIST (pages)")
    library.run("CREATE INDEX ON shop_book (pages)")
    before = library.run(THERE)
    with pytest.raises(CannotMigrate, match="the partition key of shop_book depends on it"):
        library.migrate(REMOVED)
    assert library.run(THERE) == before


def test_column_that_is_inherited(library: Shop) -> None:
    library.run("CREATE TABLE above (pages integer); ALTER TABLE shop_book INHERIT above")
    before = library.run(THERE)
    with pytest.raises(CannotMigrate, match="table above, from which it is inherited, depends on it"):
        library.migrate(REMOVED)
    assert library.run(THERE) == before


def test_view_of_a_child_that_inherits_the_column(library: Shop) -> None:
    library.run("CREATE TABLE old () INHERITS (shop_book); CREATE VIEW v AS SELECT pages FROM old")
    assert_named(library, "view v", "DROP VIEW v", REMOVED)


@pytest.mark.parametrize("kind", [kind for kind in OF_COLUMN if kind != "default of another column"])
def test_change_of_type(library: Shop, kind: str) -> None:
    sql, _, drop = OF_COLUMN[kind]
    library.run(sql)
    before = library.run(THERE)
    alter = migrations.AlterField("book", "pages", models.BigIntegerField(null=True))
    with pytest.raises(CannotMigrate, match="PostgreSQL refuses it") as refused:
        library.migrate(alter)
    assert library.run(THERE) == before
    assert f": {drop}; nothing was changed" in str(refused.value)


# What is planned before, and has not run: check_migrations judges as if it had


PLANNED = {
    "drop": migrations.RunSQL("DROP VIEW v"),
    "cascade": migrations.RunSQL("DROP SCHEMA reports CASCADE"),
    "function": migrations.RunSQL("SELECT drop_reports()"),
}


@pytest.mark.parametrize("kind", PLANNED)
@pytest.mark.parametrize(
    "operation",
    [REMOVED, migrations.DeleteModel("book"), migrations.AlterField("book", "pages", models.TextField(null=True))],
    ids=["column", "table", "type"],
)
def test_what_own_sql_before_it_may_have_dropped_is_no_reason(library: Shop, kind: str, operation: Any) -> None:
    library.run("CREATE VIEW v AS SELECT pages FROM shop_book")
    codes = {entry.finding.code for entry in check(library, [PLANNED[kind]], [operation]).entries}
    assert "CANNOT_MIGRATE" not in codes
    other = migrations.RunSQL("DROP VIEW another")
    codes = {entry.finding.code for entry in check(library, [other], [operation]).entries}
    assert "CANNOT_MIGRATE" in codes


def test_generated_column_that_goes_before_is_no_reason(library: Shop) -> None:
    library.run(OF_COLUMN["generated column"][0])
    field = models.IntegerField(null=True)
    known = migrations.SeparateDatabaseAndState(state_operations=[migrations.AddField("book", "twice", field)])
    library.migrate(known)
    report = check(library, [migrations.RemoveField("book", "twice")], [REMOVED])
    assert "CANNOT_MIGRATE" not in {entry.finding.code for entry in report.entries}
    library.migrate(migrations.RemoveField("book", "twice"), REMOVED)
