"""An index of a partitioned table: INVALID and alone at first, valid with the last part that is attached to it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import migrations, models

from tests.backends.project import Shop
from tests.backends.sessions import run
from tests.partitions.tables import LEAVES, begin

from .seen import blocking_work, scans

TREE = """
CREATE TABLE sale (id integer, pages integer) PARTITION BY RANGE (id);
CREATE TABLE sale_low PARTITION OF sale FOR VALUES FROM (0) TO (100);
CREATE TABLE sale_high PARTITION OF sale FOR VALUES FROM (100) TO (200);
INSERT INTO sale SELECT n, n FROM generate_series(1, 199) n;
"""
ONLY = "CREATE INDEX by_pages ON ONLY sale (pages)"
VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_pages'::regclass"
INDEX = migrations.AddIndex("sale", models.Index(fields=["pages"], name="by_pages"))


@pytest.fixture
def session(open_session: Any) -> Any:
    session = open_session(autocommit=True)
    run(session, TREE)
    return session


def test_the_server_builds_none_concurrently(session: Any) -> None:
    with pytest.raises(Exception, match="concurrently"):
        run(session, "CREATE INDEX CONCURRENTLY by_pages ON sale (pages)")


def test_alone_it_reads_no_row_and_is_not_valid(session: Any) -> None:
    run(session, "BEGIN")
    assert scans(session, "sale_low", ONLY) == 0
    run(session, "COMMIT")
    assert run(session, VALID) == [(False,)]


def test_it_is_valid_with_the_last_part(session: Any) -> None:
    run(session, ONLY)
    for number, part in enumerate(("sale_low", "sale_high")):
        run(session, f"CREATE INDEX CONCURRENTLY {part}_idx ON {part} (pages)")
        run(session, f"ALTER INDEX by_pages ATTACH PARTITION {part}_idx")
        assert run(session, VALID) == [(number == 1,)]


def test_a_partition_that_is_added_gets_its_part_from_the_first_step_on(session: Any) -> None:
    run(session, ONLY)
    run(session, "CREATE TABLE sale_late PARTITION OF sale FOR VALUES FROM (200) TO (300)")
    assert run(session, "SELECT indisvalid FROM pg_index WHERE indrelid = 'sale_late'::regclass") == [(True,)]


def test_each_partition_with_rows_has_a_build_that_blocks_no_traffic(shop: Shop, watch: Any) -> None:
    begin(shop)
    observation = watch(INDEX)
    builds = [seen.step.sql for seen in observation.steps if seen.concurrently]
    assert len(builds) == len(LEAVES)
    assert [work for work in blocking_work(observation) if any(f"of {leaf} " in work for leaf in LEAVES)] == []
    assert shop.run(VALID) == [(True,)]
