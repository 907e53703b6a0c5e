"""The net result of what a migration has sent."""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

from django_zero_downtime_migrations.execution.journal.net import Net
from django_zero_downtime_migrations.server import names_of

MADE = [
    'CREATE INDEX "by_title" ON ONLY "sale" ("title")',
    'CREATE INDEX "low_idx" ON ONLY "low" ("title")',
    'CREATE INDEX CONCURRENTLY "low_0_idx" ON "low_0" ("title")',
    'ALTER INDEX "low_idx" ATTACH PARTITION "low_0_idx"',
    'ALTER INDEX "by_title" ATTACH PARTITION "low_idx"',
]


def net(database: BaseDatabaseWrapper, *queries: str) -> Net:
    made = Net(names_of(database))
    for query in queries:
        made.add("0.0 add_index", query)
    return made


def test_index_goes_with_its_parts_on_partitions_at_every_level(database: BaseDatabaseWrapper) -> None:
    before, after = net(database, *MADE), net(database, *MADE, 'DROP INDEX IF EXISTS "by_title"')

    assert {name for table in before.tables.values() for name in table.indexes} == {"by_title", "low_idx", "low_0_idx"}
    assert len(before.attached) == 2
    assert [name for table in after.tables.values() for name in table.indexes] == []
    assert after.attached == []
    assert list(after.gone) == [("index", '"by_title"')]


def test_drop_of_an_older_index_counts_though_a_part_is_new(database: BaseDatabaseWrapper) -> None:
    older = net(database, *MADE[1:], 'DROP INDEX IF EXISTS "by_title"')
    new = net(database, *MADE, 'DROP INDEX IF EXISTS "by_title"')

    assert [made.neutral for made in older.gone.values()] == [False]
    assert [made.neutral for made in new.gone.values()] == [True]
