"""Raw SQL, told apart by its shape."""

from __future__ import annotations

from contextlib import closing

import pytest

from django_zero_downtime_migrations.ddl import statements as s
from django_zero_downtime_migrations.ddl.scan import (
    cannot_stand_in_a_transaction,
    is_closed,
    is_concurrent,
    scan,
    stands_by_itself,
)
from tests import databases

EXCLUDE = 'ALTER TABLE "room" ADD CONSTRAINT "alone" EXCLUDE USING gist ("period" WITH &&)'


@pytest.mark.parametrize(
    "sql, table, name",
    [
        (EXCLUDE, '"room"', '"alone"'),
        (f"  {EXCLUDE};\n", '"room"', '"alone"'),
        ("alter table room add constraint alone exclude (id WITH =)", "room", "alone"),
        ('ALTER TABLE "hotel"."room" ADD CONSTRAINT "a ""b" EXCLUDE (id WITH =)', '"hotel"."room"', '"a ""b"'),
    ],
)
def test_exclusion_constraint(sql, table, name):
    assert scan(sql, None) == s.AddExclusion(sql=sql, table=table, name=name)


@pytest.mark.parametrize(
    "sql, table, name",
    [
        ('ALTER TABLE "room" VALIDATE CONSTRAINT "small"', '"room"', '"small"'),
        ('ALTER TABLE "hotel"."room" VALIDATE CONSTRAINT "a ""b";', '"hotel"."room"', '"a ""b"'),
        ("alter table room validate constraint small ; ", "room", "small"),
    ],
)
def test_validated_constraint(sql, table, name):
    assert scan(sql, ()) == s.ValidateConstraint(sql=sql, params=(), table=table, name=name)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "",
        "ALTER TABLE room ADD CONSTRAINT exclude CHECK (name <> 'EXCLUDE')",
        "ALTER TABLE room ADD CONSTRAINT c CHECK (true); ALTER TABLE room ADD CONSTRAINT alone EXCLUDE (id WITH =)",
        "COMMENT ON TABLE room IS 'ALTER TABLE room VALIDATE CONSTRAINT small'",
        "ALTER TABLE room VALIDATE CONSTRAINT small, ADD COLUMN a integer",
        "ALTER TABLE room VALIDATE CONSTRAINT small; DROP TABLE room",
        "-- ALTER TABLE room VALIDATE CONSTRAINT small",
    ],
)
def test_everything_else_is_raw(sql):
    assert scan(sql, None) == s.Raw(sql=sql)


def test_raw_sql_keeps_its_parameters():
    assert scan("SELECT %s", [1]).params == [1]


ALONE = [
    "CREATE INDEX CONCURRENTLY i ON t (id)",
    "create unique index concurrently i on t (id)",
    "CREATE INDEX\n  CONCURRENTLY\n  i ON t (id);",
    "/* slow */ CREATE INDEX CONCURRENTLY i ON t (id)",
    "-- slow\nCREATE INDEX CONCURRENTLY i ON t (id)",
    "DROP INDEX CONCURRENTLY t_id",
    "REINDEX INDEX CONCURRENTLY t_id",
    "REINDEX (VERBOSE) TABLE CONCURRENTLY t",
    "REINDEX (CONCURRENTLY) TABLE t",
    "REINDEX (VERBOSE, CONCURRENTLY true) INDEX t_id",
    "REINDEX SCHEMA public",
    "REINDEX (VERBOSE) SCHEMA public;",
    "VACUUM t",
    "VACUUM (ANALYZE) t",
    "ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY",
    "ALTER TABLE ONLY p\n  DETACH PARTITION p1 CONCURRENTLY;",
    "ALTER SYSTEM SET work_mem = '4MB'",
    "CLUSTER;",
    "DROP DATABASE IF EXISTS nobodys",
]
INSIDE = [
    "CREATE INDEX i ON t (id)",
    "DROP INDEX t_id",
    "REINDEX TABLE t",
    "INSERT INTO t (name) VALUES ('DROP INDEX CONCURRENTLY i')",
    "INSERT INTO t (name) VALUES ('; VACUUM t; ')",
    "SELECT 1 -- CREATE INDEX CONCURRENTLY i ON t (id)",
    "SELECT /* VACUUM */ 1",
    "DO $$ BEGIN PERFORM 1; -- VACUUM\nEND $$",
    "DO $body$ BEGIN PERFORM 'x;\nVACUUM'; END $body$",
    "REFRESH MATERIALIZED VIEW CONCURRENTLY m",
    "COMMENT ON INDEX t_id IS 'built CONCURRENTLY'",
    'CREATE TABLE "CREATE INDEX CONCURRENTLY" (id integer)',
    "SELECT current_database()",
    "ALTER TABLE p DETACH PARTITION p1",
    "CLUSTER t USING t_id",
    "CREATE TABLE cluster (vacuum integer)",
    "DROP SCHEMA IF EXISTS nobodys",
]


@pytest.mark.parametrize("sql", ALONE)
def test_cannot_stand_in_a_transaction(sql):
    assert scan(sql, None) == s.Raw(sql=sql, concurrently=True)


@pytest.mark.parametrize("sql", INSIDE)
def test_can_stand_in_a_transaction(sql):
    assert scan(sql, None) == s.Raw(sql=sql)


@pytest.mark.parametrize("sql", [*ALONE, *INSIDE])
def test_server_agrees(sql):
    with databases.fresh_database() as name, closing(databases.open_session(name)) as session:
        with session.cursor() as cursor:
            cursor.execute(
                "CREATE TABLE t (id integer CONSTRAINT t_id PRIMARY KEY, name text);"
                "CREATE MATERIALIZED VIEW m AS SELECT 1 AS id; CREATE UNIQUE INDEX ON m (id);"
                "CREATE TABLE p (id integer) PARTITION BY LIST (id); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)"
            )
        session.commit()
        with session.cursor() as cursor:
            assert refused(cursor, sql) is cannot_stand_in_a_transaction(sql)


def refused(cursor, sql):
    """Whether the server refuses the statement for being inside a transaction."""
    cursor.execute("SELECT 1")
    try:
        cursor.execute(sql)
    except databases.driver.Error as error:
        return "cannot run inside a transaction block" in str(error)
    return False


def test_statement_among_several():
    assert cannot_stand_in_a_transaction("SELECT 1; SELECT 2; VACUUM t")
    assert not cannot_stand_in_a_transaction("SELECT 1; SELECT ';VACUUM t'")


@pytest.mark.parametrize(
    ("sql", "leaves"),
    [
        ("CREATE INDEX CONCURRENTLY i ON t (a)", True),
        ("SELECT 1; DROP INDEX CONCURRENTLY i", True),
        ("REINDEX (VERBOSE) TABLE CONCURRENTLY t", True),
        ("REINDEX (CONCURRENTLY) TABLE t", True),
        ("ALTER TABLE t DETACH PARTITION p CONCURRENTLY", True),
        ("VACUUM t", False),
        ("REINDEX SCHEMA public", False),
        ("CREATE DATABASE d", False),
        ("-- CREATE INDEX CONCURRENTLY i ON t (a)\nSELECT 1", False),
    ],
)
def test_what_leaves_something_when_it_is_ended_in_the_middle(sql: str, leaves: bool) -> None:
    assert is_concurrent(sql) == leaves


@pytest.mark.parametrize(
    "sql, alone",
    [
        ("SELECT 1", True),
        ("\n  update t set a = 1;\n", True),
        ("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", True),
        ("CREATE VIEW v AS SELECT 1", True),
        # Two statements, or more than one can tell.
        ("SELECT 1; COMMIT", False),
        ("INSERT INTO t VALUES (';')", False),
        ("SELECT 1 -- one", False),
        ("SELECT /* one */ 1", False),
        # They need a transaction block, or can end one.
        ("LOCK TABLE t", False),
        ("DECLARE c CURSOR FOR SELECT 1", False),
        ("SAVEPOINT s", False),
        ("SET LOCAL lock_timeout = 1", False),
        ("CALL p()", False),
        ("DO 'BEGIN COMMIT; END'", False),
        ("SELECTED", False),
        ("", False),
    ],
)
def test_what_means_the_same_in_a_transaction_by_itself(sql: str, alone: bool) -> None:
    assert stands_by_itself(sql) is alone


@pytest.mark.parametrize(
    "sql, closed",
    [
        ("SELECT 1", True),
        ("SELECT 'a', \"b\", $$c$$, $x$d$x$ /* e */ -- f", True),
        ("SELECT 'a", False),
        ('SELECT "a', False),
        ("SELECT $$a", False),
        ("SELECT 1 /* a", False),
        # More than one can tell without the server's own lexer.
        ("SELECT E'\\''", False),
    ],
)
def test_what_another_statement_can_follow(sql: str, closed: bool) -> None:
    assert is_closed(sql) is closed
