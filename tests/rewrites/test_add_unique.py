"""ADD CONSTRAINT … USING INDEX reads the table while it blocks all traffic only for a primary key over NULLs."""

from __future__ import annotations

import pytest

from tests.backends.sessions import run

SCANS = "SELECT pg_stat_get_xact_numscans('thing'::regclass)"
#: What is done before, and whether PRIMARY KEY USING INDEX then reads the table.
BEFORE = {
    "nullable": ("SELECT 1", True),
    "not_null": ("ALTER TABLE thing ALTER COLUMN number SET NOT NULL", False),
    "proved": ("ALTER TABLE thing ADD CONSTRAINT proof CHECK (number IS NOT NULL)", False),
    "not_valid_proof": ("ALTER TABLE thing ADD CONSTRAINT proof CHECK (number IS NOT NULL) NOT VALID", True),
}


@pytest.fixture
def session(open_session):
    session = open_session()
    run(session, "CREATE TABLE thing (number integer)")
    run(session, "INSERT INTO thing SELECT generate_series(1, 100)")
    run(session, "CREATE UNIQUE INDEX thing_number ON thing (number)")
    session.commit()
    return session


def scans(session, sql):
    """How often a statement reads the table from its beginning to its end."""
    (before,) = run(session, SCANS)[0]
    run(session, sql)
    (after,) = run(session, SCANS)[0]
    return after - before


@pytest.mark.parametrize(("before", "reads"), BEFORE.values(), ids=BEFORE)
def test_primary_key_using_index(session, before, reads):
    run(session, before)
    session.commit()
    assert (scans(session, "ALTER TABLE thing ADD CONSTRAINT k PRIMARY KEY USING INDEX thing_number") > 0) is reads


def test_unique_using_index_never_reads(session):
    assert scans(session, "ALTER TABLE thing ADD CONSTRAINT k UNIQUE USING INDEX thing_number") == 0
