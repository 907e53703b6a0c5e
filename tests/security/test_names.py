"""All names in our SQL are PostgreSQL's own, even if another role has put more fitting objects beside them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests import databases
from tests.backends.sessions import run

from . import hostile
from .parsed import unqualified
from .texts import named_texts, with_values

pytestmark = pytest.mark.slow

TEXTS = named_texts()
QUESTIONS = {name: text for name, text in TEXTS.items() if re.match(r"\s*(WITH|SELECT)\b", text) and "{c" not in text}
#: The objects behind a name in a view are in its rule.
USED = """
SELECT pg_catalog.pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid)
FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite w
ON w.oid = d.objid AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass::pg_catalog.oid
CROSS JOIN LATERAL pg_catalog.pg_identify_object(d.refclassid, d.refobjid, d.refobjsubid) i
WHERE w.ev_class = 'pg_temp.read'::pg_catalog.regclass::pg_catalog.oid AND d.deptype = 'n' AND i.schema <> 'pg_catalog'
AND d.refobjid <> w.ev_class
"""


@pytest.mark.parametrize("name", TEXTS)
def test_everything_in_a_text_says_where_it_is(name: str) -> None:
    assert unqualified(with_values(TEXTS[name], "NULL")) == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*)",
        "SELECT FROM pg_class",
        "SELECT NULL::text",
        "SELECT NULL::bool",
        "SELECT 'pg_class'::pg_catalog.regclass",
        "SELECT FROM unnest(ARRAY[1])",
        "WITH a AS (SELECT FROM pg_class) SELECT FROM a",
        "DO $$ DECLARE a text; BEGIN END $$",
        "DO $$ BEGIN PERFORM pg_sleep(1); END $$",
        "UPDATE t SET a = 1",
    ],
)
def test_what_does_not_is_found(sql: str) -> None:
    assert len(unqualified(sql)) == 1


@pytest.fixture(scope="module")
def session(hostile_template: str, django_db_blocker: Any) -> Any:
    """One with hostile tables and types in its own temporary schema as well, which is looked at before pg_catalog."""
    with django_db_blocker.unblock(), databases.fresh_database(hostile_template) as name:
        session = databases.open_session(name, autocommit=True)
        run(session, hostile.relations("pg_temp"))
        yield session
        session.close()


def used(session: Any, sql: str) -> list[str]:
    """Return what a question reads and calls, except PostgreSQL's own."""
    run(session, f"CREATE TEMPORARY VIEW read AS SELECT WHERE EXISTS ({sql})")
    try:
        return [row[0] for row in run(session, USED)]
    finally:
        run(session, "DROP VIEW pg_temp.read")


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_text_uses_nothing_of_somebody_else(session: Any, name: str) -> None:
    assert used(session, with_values(QUESTIONS[name], "NULL")) == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT FROM pg_catalog.pg_class WHERE oid = 1",
        "SELECT FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass('a')",
        "SELECT FROM pg_catalog.pg_class WHERE relname LIKE 'a'",
        "SELECT CASE oid WHEN 1 THEN 2 END FROM pg_catalog.pg_class",
        "SELECT nullif(oid, 1) FROM pg_catalog.pg_class",
        "SELECT FROM pg_catalog.pg_class WHERE oid IS DISTINCT FROM 1",
        "SELECT FROM pg_catalog.pg_class WHERE oid BETWEEN 1 AND 2",
        "SELECT FROM pg_catalog.pg_constraint WHERE conkey = ARRAY[1::smallint]",
        "SELECT left(relname, 1) FROM pg_catalog.pg_class",
        "SELECT FROM pg_class",
        "SELECT NULL::name",
    ],
)
def test_what_somebody_else_has_made_is_found(session: Any, sql: str) -> None:
    assert used(session, sql) != []
