"""A CHECK is taken for a proof that a column has no NULL only where the server takes it for one, and does not scan."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from django_zero_downtime_migrations.catalog.planned import PlannedCatalog
from django_zero_downtime_migrations.catalog.projection import Projection
from django_zero_downtime_migrations.catalog.server import ServerCatalog
from django_zero_downtime_migrations.ddl.conjuncts import conjuncts
from tests.backends.sessions import run

TABLE = """
CREATE TYPE pair AS (x integer, y integer); CREATE DOMAIN pair_domain AS pair; CREATE DOMAIN number AS integer;
CREATE FUNCTION good(integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE TABLE thing (a integer, b text, c integer, flag boolean, "Some A" integer, "or" integer, d number, p pair,
    q pair_domain, l integer[], "x"" AND (a" integer);
INSERT INTO thing SELECT 1, 'b', 1, true, 1, 1, 1, '(1,1)', '(1,1)', '{1}', 1 FROM generate_series(1, 10);
"""
PROOFS = [
    "a IS NOT NULL",
    "((a IS NOT NULL))",
    "a IS NOT NULL AND c > 0",
    "c > 0 AND a IS NOT NULL",
    "c > 0 AND a IS NOT NULL AND b <> 'x'",
    "c > 0 AND (b <> 'x' AND (a IS NOT NULL AND c < 9))",
    "(c > 0 OR c < 0) AND a IS NOT NULL",
    "(c > 0 OR a IS NOT NULL) AND a IS NOT NULL",
    "NOT (c > 9 AND a IS NOT NULL) IS NULL AND a IS NOT NULL",
    "flag AND a IS NOT NULL",
    "good(c) AND a IS NOT NULL",
    "NOT flag IS NULL AND a IS NOT NULL",
    "b <> ' AND (' AND a IS NOT NULL",
    "b <> ')' AND a IS NOT NULL",
    "b <> 'it''s ) AND (' AND a IS NOT NULL",
    "b <> '\"' AND a IS NOT NULL AND b <> '\"'",
    "b <> E'\\\\' AND a IS NOT NULL",
    "b NOT LIKE '%a AND b%' AND a IS NOT NULL",
    "c BETWEEN 0 AND 5 AND a IS NOT NULL",
    '"x"" AND (a" > 0 AND a IS NOT NULL',
    "c IN (1, 2) AND a IS NOT NULL",
]
NO_PROOFS = [
    "(x > 0 AND a IS NOT NULL AND c > 0) = false",
    "(c > 9 AND a IS NOT NULL AND b = 'z') = false",
    "b <> ' AND (a IS NOT NULL) AND '",
    "b <> 'x) AND (a IS NOT NULL) AND (y'",
    "a IS NOT NULL OR c > 0",
    "c > 0 OR (c < 9 AND a IS NOT NULL)",
    "NOT (a IS NOT NULL AND c > 9)",
    "NOT (a IS NULL AND c > 9)",
    "(a IS NOT NULL AND c > 0) IS NOT NULL",
    "(a IS NOT NULL AND c > 0) IS NOT FALSE",
    "(a IS NOT NULL AND c > 0) IS TRUE OR true",
    "CASE WHEN c > 0 AND a IS NOT NULL THEN true ELSE true END",
    "CASE WHEN c > 99 THEN a IS NOT NULL AND c > 0 ELSE true END",
    "coalesce(a IS NOT NULL AND c > 0, true)",
    "good((a IS NOT NULL AND c > 0)::integer)",
    "c IS NOT NULL",
    '"Some A" IS NOT NULL',
    "c IS NOT NULL AND a > 0",
    "a > 0",
    "a + c IS NOT NULL",
    "(a IS NOT NULL) = (c > 0)",
    '"x"" AND (a" IS NOT NULL',
    "(a IS NOT NULL) <> (c > 5 AND flag)",
    "l[a] IS NOT NULL",
]
# Here the server concludes more, and a proof of our own is made beside.
NOT_SEEN = [
    "CASE WHEN c > 0 AND a IS NOT NULL THEN true ELSE true END AND a IS NOT NULL",
    "(a IS NOT NULL AND c > 0) OR (a IS NOT NULL AND c < 9)",
    "NOT (a IS NULL)",
    "NOT (a IS NULL OR c > 9)",
]


@pytest.fixture
def thing(database: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    run(database, TABLE)
    return database


def proof(connection: BaseDatabaseWrapper, column: str = "a", table: str = '"thing"') -> str | None:
    return PlannedCatalog(ServerCatalog(connection), Projection()).not_null_proof(table, column)


def scans(connection: BaseDatabaseWrapper, column: str = "a", table: str = "thing") -> int:
    """How often the server reads the table for SET NOT NULL."""
    counted = "SELECT pg_stat_get_xact_numscans('thing'::regclass)"
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(counted)
        (before,) = cursor.fetchone()
        cursor.execute(f'ALTER TABLE {table} ALTER COLUMN "{column}" SET NOT NULL')
        cursor.execute(counted)
        (after,) = cursor.fetchone()
        cursor.execute("ROLLBACK")
    return int(after - before)


@pytest.mark.parametrize("check", PROOFS)
def test_proof(thing: Any, check: str) -> None:
    run(thing, f"ALTER TABLE thing ADD CONSTRAINT proof CHECK ({check})")
    assert proof(thing) == "proof"
    assert scans(thing) == 0


@pytest.mark.parametrize("check", NO_PROOFS)
def test_no_proof(thing: Any, check: str) -> None:
    run(thing, f"ALTER TABLE thing ADD CONSTRAINT proof CHECK ({check.replace('x > 0', 'c > 9')})")
    assert proof(thing) is None
    assert scans(thing) == 1


@pytest.mark.parametrize("check", NOT_SEEN)
def test_proof_that_only_the_server_sees(thing: Any, check: str) -> None:
    run(thing, f"ALTER TABLE thing ADD CONSTRAINT proof CHECK ({check})")
    assert proof(thing) is None
    assert scans(thing) == 0


@pytest.mark.parametrize("column", ["Some A", "or", "d", "l", 'x" AND (a'])
def test_columns_of_other_names_and_types(thing: Any, column: str) -> None:
    quoted = '"' + column.replace('"', '""') + '"'
    run(thing, f"ALTER TABLE thing ADD CONSTRAINT proof CHECK ({quoted} IS NOT NULL AND c > 0)")
    assert proof(thing, column) == "proof"
    assert scans(thing, column.replace('"', '""')) == 0


@pytest.mark.parametrize("column", ["p", "q"])
def test_a_row_is_not_null_where_none_of_its_columns_is(thing: Any, column: str) -> None:
    run(thing, f"ALTER TABLE thing ADD CONSTRAINT proof CHECK ({column} IS NOT NULL)")
    assert proof(thing, column) is None
    assert scans(thing, column) == 1


def test_not_valid_is_no_proof(thing: Any) -> None:
    run(thing, "ALTER TABLE thing ADD CONSTRAINT proof CHECK (a IS NOT NULL) NOT VALID")
    assert proof(thing) is None
    assert scans(thing) == 1


def test_no_inherit_is_no_proof_for_children(thing: Any) -> None:
    run(
        thing,
        "CREATE TABLE parent (a integer); ALTER TABLE parent ADD CONSTRAINT proof CHECK (a IS NOT NULL) NO INHERIT",
    )
    run(thing, "ALTER TABLE thing DROP COLUMN b; CREATE TABLE child () INHERITS (parent)")
    run(thing, "ALTER TABLE thing INHERIT parent")
    assert proof(thing, table='"parent"') is None
    assert scans(thing, table="parent") == 1


@pytest.mark.parametrize("setting", ["on", "off"])
def test_backslashes_are_doubled_where_they_escape(thing: Any, setting: str) -> None:
    run(thing, "ALTER TABLE thing ADD CONSTRAINT proof CHECK (b <> E'\\\\'' AND (' AND a IS NOT NULL)")
    run(thing, f"SET standard_conforming_strings = {setting}; SET escape_string_warning = off")
    assert proof(thing) == "proof"
    assert scans(thing) == 0


@pytest.mark.parametrize("text", ["", "CHECK", "CHECK (", "CHECK ()", "CHECK (()", "CHECK (a))", "CHECK (('a)"])
def test_what_is_no_definition_ends_as_well(text: str) -> None:
    assert "(a IS NOT NULL)" not in set(conjuncts(text))
