"""UNIQUE of a partitioned table: the index of each partition becomes its constraint before it is attached."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import migrations, models

from tests.backends.project import Shop
from tests.backends.sessions import run
from tests.partitions.tables import LEAVES, begin

from .seen import scans, strongest

TREE = """
CREATE TABLE sale (id integer, shelf integer) PARTITION BY RANGE (id);
CREATE TABLE sale_low PARTITION OF sale FOR VALUES FROM (0) TO (100);
INSERT INTO sale SELECT n, n FROM generate_series(1, 99) n;
"""
ONCE = migrations.AddConstraint("sale", models.UniqueConstraint(fields=["shelf", "id"], name="once"))
BUILD = "CREATE UNIQUE INDEX low ON sale_low (id, shelf)"
ADOPT = "ALTER TABLE sale_low ADD CONSTRAINT low UNIQUE USING INDEX low"
ATTACH = "ALTER INDEX once ATTACH PARTITION low"


@pytest.fixture
def session(open_session: Any) -> Any:
    session = open_session()
    run(session, TREE)
    session.commit()
    return session


def test_at_once_the_server_builds_it_under_a_lock_that_blocks_traffic(session: Any) -> None:
    assert scans(session, "sale_low", "ALTER TABLE sale ADD CONSTRAINT once UNIQUE (id, shelf)") > 0
    lock = strongest(session, "sale_low")
    assert lock and lock.blocks_traffic


def test_an_index_that_is_no_constraint_is_not_attached_to_one(session: Any) -> None:
    run(session, f"ALTER TABLE ONLY sale ADD CONSTRAINT once UNIQUE (id, shelf); {BUILD}")
    session.commit()
    with pytest.raises(Exception, match="cannot attach index"):
        run(session, ATTACH)
    session.rollback()
    run(session, f"{ADOPT}; {ATTACH}")
    assert run(session, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'once'::regclass") == [(True,)]


def test_alone_and_then_attached_no_row_is_read_under_a_lock(session: Any) -> None:
    assert scans(session, "sale_low", "ALTER TABLE ONLY sale ADD CONSTRAINT once UNIQUE (id, shelf)") == 0
    run(session, BUILD)
    session.commit()
    assert scans(session, "sale_low", f"{ADOPT}; {ATTACH}") == 0


def test_every_partition_has_the_constraint(shop: Shop) -> None:
    begin(shop)
    shop.migrate(ONCE)
    constrained = "SELECT conrelid::regclass::text FROM pg_constraint WHERE contype = 'u' AND conparentid <> 0"
    assert {name for (name,) in shop.run(constrained)} == {*LEAVES, "sale_many", "sale_listed"}
