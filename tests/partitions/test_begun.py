"""A run without a journal that was interrupted on partitions is continued, under its own names."""

from __future__ import annotations

import pytest
from django.db.migrations.operations.base import Operation

from tests.backends.fixtures import Twins

from .tables import begin
from .test_equal_indexes import KEY, PAGES, UNIQUE

BEGUN: dict[str, tuple[str, Operation]] = {
    "index that is INVALID": (
        "CREATE INDEX sale_low_pages_idx ON sale_low (pages); "
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'sale_low_pages_idx'::regclass",
        PAGES,
    ),
    "index of a partition with partitions": ("CREATE INDEX sale_many_pages_idx ON ONLY sale_many (pages)", PAGES),
    "unique index without its constraint": (
        "CREATE UNIQUE INDEX sale_low_id_shelf_key ON sale_low (id, shelf)",
        UNIQUE,
    ),
    "unique index that is INVALID": (
        "CREATE UNIQUE INDEX sale_odd_id_shelf_key ON sale_odd (id, shelf); "
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'sale_odd_id_shelf_key'::regclass",
        UNIQUE,
    ),
    "constraint of a partition with partitions": (
        "ALTER TABLE ONLY sale_many ADD CONSTRAINT sale_many_id_shelf_key UNIQUE (id, shelf)",
        UNIQUE,
    ),
}


@pytest.fixture
def sales(twins: Twins) -> Twins:
    begin(twins.ours)
    begin(twins.stock)
    twins.ours.connection.settings_dict["ZERO_DOWNTIME_MIGRATIONS"] = {"IDEMPOTENT_SQL": True}
    return twins


@pytest.mark.parametrize("name", BEGUN)
def test_result_is_that_of_stock(sales: Twins, name: str) -> None:
    sql, operation = BEGUN[name]
    sales.ours.run(sql)
    sales.migrate(operation)


def test_foreign_key_that_is_not_valid_yet(sales: Twins) -> None:
    sales.stock.migrate(KEY)
    [(name,)] = sales.stock.run(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'sale_odd'::regclass AND contype = 'f'"
    )
    sales.ours.run(
        f"ALTER TABLE sale_odd ADD CONSTRAINT {name} FOREIGN KEY (author) REFERENCES shop_author "
        "DEFERRABLE INITIALLY DEFERRED NOT VALID"
    )
    sales.ours.migrate(KEY)
    sales.compare()
