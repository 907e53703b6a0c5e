"""An index that a partition has already is attached where the server itself would attach it."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, migrations, models
from django.db.migrations.operations.base import Operation
from django.db.models.functions import Lower

from tests.backends.fixtures import Twins

from .tables import begin

INDEX = migrations.AddIndex(
    "sale", models.Index(Lower("title"), "pages", name="by_title", condition=models.Q(pages__gt=5), include=["shelf"])
)
PAGES = migrations.AddIndex("sale", models.Index(fields=["pages"], name="by_pages"))
UNIQUE = migrations.AddConstraint("sale", models.UniqueConstraint(fields=["id", "shelf"], name="once"))
KEY = migrations.AlterField("sale", "author", models.ForeignKey("shop.Author", models.CASCADE, db_column="author"))
THERE: dict[str, tuple[str, Operation]] = {
    "equal": ("CREATE INDEX mine ON sale_odd (lower(title), pages) INCLUDE (shelf) WHERE pages > 5", INDEX),
    "other predicate": ("CREATE INDEX mine ON sale_odd (lower(title), pages) INCLUDE (shelf) WHERE pages > 6", INDEX),
    "no predicate": ("CREATE INDEX mine ON sale_odd (lower(title), pages) INCLUDE (shelf)", INDEX),
    "other include": ("CREATE INDEX mine ON sale_odd (lower(title), pages, shelf) WHERE pages > 5", INDEX),
    "other expression": ("CREATE INDEX mine ON sale_odd (upper(title), pages) INCLUDE (shelf) WHERE pages > 5", INDEX),
    "descending": ("CREATE INDEX mine ON sale_low (pages DESC NULLS LAST)", PAGES),
    "hash": ("CREATE INDEX mine ON sale_low USING hash (pages)", PAGES),
    "unique index": ("CREATE UNIQUE INDEX mine ON sale_low (pages)", PAGES),
    "several": ("CREATE INDEX b ON sale_low (pages); CREATE INDEX a ON sale_low (pages)", PAGES),
    "on every partition": (
        "CREATE INDEX a ON sale_low (pages); CREATE INDEX b ON sale_many (pages); "
        "CREATE INDEX c ON sale_listed (pages); CREATE INDEX d ON sale_rest (pages)",
        PAGES,
    ),
    "on a partition with partitions": ("CREATE INDEX mine ON sale_many (pages)", PAGES),
    "attached to another": ("CREATE INDEX mine ON shop_sale (pages)", PAGES),
    "name of the part taken": ("CREATE TABLE sale_low_pages_idx ()", PAGES),
    "unique constraint": ("ALTER TABLE sale_low ADD CONSTRAINT mine UNIQUE (id, shelf)", UNIQUE),
    "unique index without a constraint": ("CREATE UNIQUE INDEX mine ON sale_low (id, shelf)", UNIQUE),
    "primary key": ("ALTER TABLE sale_low ADD CONSTRAINT mine PRIMARY KEY (id, shelf)", UNIQUE),
    "index of a unique constraint": ("ALTER TABLE sale_low ADD CONSTRAINT mine UNIQUE (id, pages)", PAGES),
    "unique constraint of a partition with partitions": (
        "ALTER TABLE sale_many ADD CONSTRAINT mine UNIQUE (id, shelf)",
        UNIQUE,
    ),
    "foreign key": (
        "ALTER TABLE sale_odd ADD CONSTRAINT mine FOREIGN KEY (author) REFERENCES shop_author DEFERRABLE "
        "INITIALLY DEFERRED",
        KEY,
    ),
    "other foreign key": ("ALTER TABLE sale_odd ADD CONSTRAINT mine FOREIGN KEY (author) REFERENCES shop_author", KEY),
}


@pytest.fixture
def sales(twins: Twins) -> Twins:
    begin(twins.ours)
    begin(twins.stock)
    return twins


@pytest.mark.parametrize("name", THERE)
def test_result_is_that_of_stock(sales: Twins, name: str) -> None:
    sql, operation = THERE[name]
    sales.run(sql)
    sales.migrate(operation)


def test_no_index_is_built_where_there_is_one(sales: Twins) -> None:
    sales.run("CREATE INDEX mine ON sale_many (pages)")
    before = sales.ours.run("SELECT oid FROM pg_class WHERE relname = 'mine'")
    sales.migrate(PAGES)
    assert sales.ours.run("SELECT oid FROM pg_class WHERE relname = 'mine' AND relispartition") == before


def test_index_that_is_attached_survives_a_failure(sales: Twins) -> None:
    """The index was not ours: taking the call back must not drop it."""
    sales.run("UPDATE shop_sale SET pages = 0 WHERE id = 5")
    ours = sales.ours
    divided = migrations.AddIndex("sale", models.Index(models.Value(1) / models.F("pages"), name="parts"))
    ours.run("CREATE INDEX divided ON sale_rest ((1 / pages))")
    before = sales.dump(ours.connection)
    with pytest.raises(DatabaseError, match="division by zero"):
        ours.migrate(divided)
    assert sales.dump(ours.connection) == before
