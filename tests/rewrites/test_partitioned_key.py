"""A foreign key of a partitioned table: the keys of its partitions are taken over without a look at their rows."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
from django.db import DatabaseError

from django_zero_downtime_migrations.errors import CannotMigrate
from tests.backends.project import Shop
from tests.backends.sessions import run
from tests.partitions.tables import begin

from .seen import scans

TREE = """
CREATE TABLE author (id integer PRIMARY KEY);
INSERT INTO author SELECT generate_series(1, 99);
CREATE TABLE sale (id integer, author integer) PARTITION BY RANGE (id);
CREATE TABLE sale_low PARTITION OF sale FOR VALUES FROM (0) TO (100);
INSERT INTO sale SELECT n, n FROM generate_series(1, 99) n;
"""
KEY = "ADD CONSTRAINT k FOREIGN KEY (author) REFERENCES author"


@pytest.fixture
def session(open_session: Any) -> Any:
    session = open_session()
    run(session, TREE)
    session.commit()
    return session


def test_without_the_keys_of_the_partitions_their_rows_are_read(session: Any) -> None:
    assert scans(session, "sale_low", f"ALTER TABLE sale {KEY}") > 0


def test_with_the_keys_of_the_partitions_no_row_is_read(session: Any) -> None:
    run(session, f"ALTER TABLE sale_low {KEY} NOT VALID")
    session.commit()
    run(session, "ALTER TABLE sale_low VALIDATE CONSTRAINT k")
    session.commit()
    assert scans(session, "sale_low", f"ALTER TABLE sale {KEY}") == 0
    keys = "SELECT conrelid::regclass::text, convalidated FROM pg_constraint WHERE conname = 'k' ORDER BY 1"
    assert run(session, keys) == [("sale", True), ("sale_low", True)]


def test_not_valid_for_the_whole_is_refused_where_the_server_has_no_such_key(shop: Shop, server_major: int) -> None:
    """PostgreSQL 18 is the first that has it (https://www.postgresql.org/docs/18/release-18.html)."""
    begin(shop)
    key = {"table": '"shop_sale"', "name": '"k"', "column": '"author"', "deferrable": "", "on_delete_db": ""}
    target = {"to_table": '"shop_author"', "to_column": '"id"'}
    expected: Any = nullcontext()
    if server_major < 18:
        expected = pytest.raises(CannotMigrate, match="Add it without NOT VALID")
        with pytest.raises(DatabaseError, match="NOT VALID"):
            shop.run("ALTER TABLE shop_sale ADD FOREIGN KEY (author) REFERENCES shop_author NOT VALID")
    with expected, shop.connection.schema_editor() as editor:
        editor.execute(editor.sql_create_fk % (key | target) + " NOT VALID", None)
    found = shop.run("SELECT convalidated FROM pg_constraint WHERE conname = 'k' AND conrelid = 'shop_sale'::regclass")
    assert found == ([(False,)] if server_major >= 18 else [])
