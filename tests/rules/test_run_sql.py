from __future__ import annotations

import warnings

import pytest
from django.db import migrations, models, transaction
from django.test import override_settings

from django_zero_downtime_migrations.ddl import statements as s
from django_zero_downtime_migrations.ddl.raw_sql import meaning
from django_zero_downtime_migrations.findings import Severity
from django_zero_downtime_migrations.locks import LockMode

from .verbs import assert_finding, assert_safe

ROOM = "CREATE TABLE room (id integer); CREATE INDEX ON room (id)"


def sql(text, *params):
    return migrations.RunSQL([(text, list(params))] if params else [text])


BLOCKS = [
    ("CREATE INDEX i ON shop_book (pages)", LockMode.SHARE),
    ("create unique index i on SHOP_BOOK using btree (lower(title))", LockMode.SHARE),
    ('CREATE INDEX IF NOT EXISTS i ON "shop_book" (pages) WHERE pages > 3', LockMode.SHARE),
    ("ALTER TABLE shop_book ADD CONSTRAINT c CHECK (pages > 0)", LockMode.ACCESS_EXCLUSIVE),
    ("ALTER TABLE ONLY shop_book ADD UNIQUE (pages)", LockMode.ACCESS_EXCLUSIVE),
    ("ALTER TABLE shop_book ALTER pages SET NOT NULL", LockMode.ACCESS_EXCLUSIVE),
    (
        "ALTER TABLE shop_book ADD CONSTRAINT c FOREIGN KEY (pages) REFERENCES shelf (id)",
        LockMode.SHARE_ROW_EXCLUSIVE,
    ),
    ("ALTER TABLE shop_book ADD FOREIGN KEY (pages) REFERENCES shelf", LockMode.SHARE_ROW_EXCLUSIVE),
    ("ALTER TABLE shop_book ADD FOREIGN KEY (pages, id) REFERENCES shelf (id, n)", LockMode.SHARE_ROW_EXCLUSIVE),
    ("ALTER TABLE shop_book ADD COLUMN a integer CHECK (a > 0)", LockMode.ACCESS_EXCLUSIVE),
    ("ALTER TABLE shop_book ADD COLUMN a integer NULL UNIQUE", LockMode.ACCESS_EXCLUSIVE),
    ("ALTER TABLE shop_book SET UNLOGGED", LockMode.ACCESS_EXCLUSIVE),
    ("UPDATE shop_book SET pages = 1", LockMode.ROW_EXCLUSIVE),
    ("UPDATE shop_book b SET pages = s.id FROM shelf s", LockMode.ROW_EXCLUSIVE),
    ("DELETE FROM shop_book", LockMode.ROW_EXCLUSIVE),
    ("TRUNCATE shop_book", LockMode.ACCESS_EXCLUSIVE),
    ("LOCK TABLE shop_book", LockMode.ACCESS_EXCLUSIVE),
    ("LOCK shop_book IN SHARE MODE", LockMode.SHARE),
    ("CLUSTER shop_book USING shop_book_pkey", LockMode.ACCESS_EXCLUSIVE),
    ("REINDEX TABLE shop_book", LockMode.SHARE),
]
LETS_PASS = [
    "SELECT 1",
    "INSERT INTO shop_book (title) VALUES ('DELETE FROM shelf')",
    "UPDATE shop_book SET pages = 1 WHERE id = 1",
    "DELETE FROM shop_book WHERE id = 1",
    "-- DELETE FROM shop_book\nSELECT 1",
    "ALTER TABLE shop_book ADD COLUMN a integer DEFAULT 3",
    "ALTER TABLE shop_book ADD COLUMN a timestamptz DEFAULT now()",
    "ALTER TABLE shop_book ADD CONSTRAINT c CHECK (pages > 0) NOT VALID",
    "ALTER TABLE shop_book ADD CONSTRAINT c FOREIGN KEY (pages) REFERENCES shelf (id) NOT VALID",
    "ALTER TABLE shop_book ALTER id SET NOT NULL",
    "ALTER TABLE shop_book ALTER title TYPE varchar(30)",
    "ALTER TABLE shop_book SET (fillfactor = 70)",
    "LOCK shop_book IN ROW EXCLUSIVE MODE",
    "COMMENT ON TABLE shop_book IS 'DELETE FROM shop_book'",
    "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'DELETE FROM shop_book'",
    "CREATE TABLE chair (id integer); CREATE INDEX ON chair (id); UPDATE chair SET id = 1; TRUNCATE chair",
    "CREATE TABLE IF NOT EXISTS chair (id integer); CREATE INDEX ON chair (id)",
    "CREATE TABLE chair AS SELECT 1 AS id; CREATE INDEX ON chair (id)",
    "SELECT 1 AS id INTO chair; CREATE INDEX ON chair (id)",
    "CREATE TEMPORARY TABLE chair (id integer); CREATE INDEX ON chair (id)",
    "CREATE MATERIALIZED VIEW chair AS SELECT 1 AS id; REFRESH MATERIALIZED VIEW chair",
    "ALTER INDEX shop_book_pkey RENAME TO other",
]


@pytest.fixture
def library(books):
    books.run(
        "CREATE TABLE shelf (id integer PRIMARY KEY, n bigint, UNIQUE (id, n));"
        "INSERT INTO shelf SELECT n, n FROM generate_series(1, 50) n"
    )
    return books


@pytest.mark.parametrize(("text", "mode"), BLOCKS)
def test_sql_that_blocks(library, text, mode):
    found = assert_finding(library, "RUN_SQL", sql(text), names=('"shop_book"', text[:12]))
    assert (found.severity, found.lock, found.table) == (Severity.WARN, mode, '"shop_book"')


@pytest.mark.parametrize(("text", "mode"), BLOCKS)
def test_lock_is_what_the_server_takes(library, text, mode):
    held = "SELECT mode FROM pg_locks WHERE pid = pg_backend_pid() AND relation = 'shop_book'::regclass AND granted"
    with library.connection.cursor() as cursor:
        cursor.execute(f"BEGIN; {text}")
        cursor.execute(held)
        modes = [LockMode(name) for (name,) in cursor.fetchall()]
        cursor.execute("ROLLBACK")
    assert max(modes, key=lambda each: each.strength) is mode


@pytest.mark.parametrize("text", LETS_PASS)
def test_sql_that_blocks_nobody(library, text):
    assert_safe(library, migrations.RunSQL(text))


@pytest.mark.parametrize(
    "text",
    ["CREATE INDEX CONCURRENTLY i ON shop_book (pages)", "REINDEX TABLE CONCURRENTLY shop_book", "VACUUM shop_book"],
)
def test_sql_that_takes_its_time_and_blocks_nobody(library, text):
    assert_safe(library, sql(text))


@pytest.mark.parametrize(
    ("text", "name"), [("VACUUM FULL shop_book", '"shop_book"'), ("VACUUM (FULL, ANALYZE)", "all")]
)
def test_sql_outside_of_a_transaction_that_blocks(library, text, name):
    assert_finding(library, "RUN_SQL", sql(text), names=(name,))


@pytest.mark.parametrize(
    ("text", "code", "severity"),
    [
        ("ALTER TABLE shop_book ADD COLUMN a integer NOT NULL DEFAULT 3", "", None),
        ("ALTER TABLE shop_book ADD COLUMN a float DEFAULT random()", "ADD_COLUMN_REWRITE", Severity.WARN),
        ("ALTER TABLE shop_book ADD COLUMN a bigserial", "ADD_COLUMN_REWRITE", Severity.WARN),
        (
            "ALTER TABLE shop_book ADD a integer GENERATED ALWAYS AS (pages * 2) STORED",
            "ADD_COLUMN_GENERATED_STORED",
            Severity.WARN,
        ),
        ("ALTER TABLE shop_book ALTER pages TYPE bigint", "ALTER_COLUMN_TYPE", Severity.WARN),
        ("ALTER TABLE shop_book ALTER pages TYPE bigint USING pages::bigint", "ALTER_COLUMN_TYPE", Severity.WARN),
        ("ALTER TABLE shop_book RENAME pages TO sheets", "ALTER_TABLE_RENAME_COLUMN", Severity.WARN),
        ("ALTER TABLE shop_book SET TABLESPACE pg_default", "ALTER_TABLE_SET_TABLESPACE", Severity.WARN),
        ("ALTER TABLE shop_book RENAME TO tome", "ALTER_TABLE_RENAME", Severity.NOTE),
    ],
)
def test_sql_is_judged_by_the_rules_of_djangos_statements(library, text, code, severity):
    """The SQL is never refused: it is what the author wrote."""
    with warnings.catch_warnings(), override_settings(ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE=True):
        warnings.simplefilter("ignore")
        found = library.migrate(sql(text)).findings
    assert [(each.code, each.severity) for each in found] == ([(code, severity)] if code else [])


def test_not_null_column_without_a_default(library):
    library.run("DELETE FROM shop_book")
    with pytest.warns(match="NOT NULL without a database default"):
        (found,) = library.migrate(sql("ALTER TABLE shop_book ADD COLUMN a integer NOT NULL")).findings
    assert (found.code, found.severity) == ("ADD_COLUMN_NOT_NULL", Severity.WARN)


def test_each_statement_of_a_text(library):
    text = "CREATE INDEX i ON shop_book (pages); ALTER TABLE shop_book RENAME pages TO sheets; UPDATE shelf SET id = id"
    with pytest.warns():
        found = library.migrate(migrations.RunSQL(text)).findings
    assert [(each.code, each.table) for each in found] == [
        ("RUN_SQL", '"shop_book"'),
        ("ALTER_TABLE_RENAME_COLUMN", '"shop_book"'),
        ("RUN_SQL", '"shelf"'),
    ]
    assert found[0].sql == "CREATE INDEX i ON shop_book (pages)"


def test_parameters(library):
    found = assert_finding(
        library, "RUN_SQL", sql("UPDATE shop_book SET title = %s || '100%%'", "x"), names=("UPDATE",)
    )
    assert found.table == '"shop_book"'
    assert found.sql == "UPDATE shop_book SET title = 'x' || '100%'"
    assert_safe(library, sql("UPDATE shop_book SET title = %s WHERE title LIKE '%%x' AND id = %s", "y", 3))


def test_named_parameters(library):
    update = migrations.RunSQL(
        [("UPDATE shop_book SET title = %(title)s, pages = %(pages)s", {"title": "x", "pages": 3})]
    )
    assert (
        assert_finding(library, "RUN_SQL", update, names=("UPDATE",)).sql
        == "UPDATE shop_book SET title = 'x', pages = 3"
    )


def test_reverse_sql(library):
    with pytest.warns():
        library.migrate(migrations.RunSQL("SELECT 1", "UPDATE shop_book SET pages = 1"))
        (found,) = library.unapply().findings
    assert found.code == "RUN_SQL"


def test_sql_is_sent_as_it_was_written(library):
    text = "create  index   i on shop_book (pages) -- %s"
    with pytest.warns(match="CREATE INDEX|create"):
        library.migrate(sql(text))
    assert library.collected(sql("update shop_book set pages = 2 /* %d */"))[-1] == (
        "update shop_book set pages = 2 /* %d */;"
    )


def test_table_that_earlier_sql_of_the_migration_has_made(library):
    assert_safe(library, sql("CREATE TABLE chair (id integer, name text)"), sql("CREATE INDEX i ON chair (id)"))


def test_table_that_was_there_already(library):
    library.run(ROOM)
    with pytest.warns():
        found = library.migrate(migrations.RunSQL(f"CREATE TABLE IF NOT EXISTS {ROOM[13:]}")).findings
    assert [each.table for each in found] == ['"room"']


def test_sql_inside_a_transaction_of_the_caller(library):
    with transaction.atomic(library.alias):
        assert_finding(library, "RUN_SQL", sql("CREATE INDEX i ON shop_book (pages)"), names=('"shop_book"',))


def test_sql_on_an_empty_database_is_not_judged(shop):
    fields = [("id", models.BigAutoField(primary_key=True)), ("pages", models.IntegerField())]
    assert_safe(shop, migrations.CreateModel("book", fields), sql("CREATE INDEX i ON shop_book (pages)"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("DO $$ BEGIN DELETE FROM shop_book; END $$", "a DO block"),
        ("CALL p()", "a procedure"),
        ("SELECT 1; EXECUTE q", "a prepared statement"),
        ("SELEC 1", 'cannot be parsed: syntax error at or near "SELEC"'),
        ("SELECT 'open", "cannot be parsed"),
    ],
)
def test_what_is_not_read_is_said_to_be(text, why):
    assert why in meaning(s.Raw(sql=text)).unread


@pytest.mark.parametrize("text", ["", " ;", "-- nothing", *LETS_PASS])
def test_what_is_read_is_not_said_to_be_unread(text):
    assert meaning(s.Raw(sql=text)).unread == ""


def test_sql_that_the_server_will_refuse_is_left_to_it(library):
    with transaction.atomic(library.alias):
        editor_sql = library.collected(sql("ALTER TABLE shop_book ALTER pages TYPE nowhere USING NULL"))
        assert library.run("SELECT count(*) FROM shop_book") == [(50,)]
    assert editor_sql[-1].startswith("ALTER TABLE shop_book ALTER pages TYPE nowhere")


def test_without_the_parser_nothing_is_found_and_it_is_said_why(library, monkeypatch):
    monkeypatch.setattr("django_zero_downtime_migrations.ddl.raw_sql._installed", lambda: False)
    assert_safe(library, sql("CREATE INDEX i ON shop_book (pages)"))
    assert "`lint` is not installed" in meaning(s.Raw(sql="SELECT 1")).unread
