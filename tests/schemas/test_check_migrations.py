"""`check_migrations` finds of these tables what it finds of one schema alone."""

from __future__ import annotations

import pytest
from django.db import models
from django.db.migrations import Migration
from django.db.migrations import operations as o

from django_zero_downtime_migrations.judging.counted.sizes import FileSizes, write
from tests.backends.project import APP, Shop
from tests.commands.judged import check, check_alone

from . import runs
from .cases import CASES, Case, before, char
from .situations import ALONE, FIRST, IN_SIGHT, OUT_OF_SIGHT, SECOND

EVERYWHERE = pytest.mark.parametrize("situation", [OUT_OF_SIGHT, IN_SIGHT, FIRST, SECOND], ids=str)
#: What blocks, breaks old code or is refused; others are there to show that they are not found.
JUDGED = [
    Case("not_null_column", lambda table: [o.AddField("Item", "extra", models.IntegerField(default=1))]),
    Case("type", lambda table: [o.AlterField("Item", "number", models.BigIntegerField())]),
    Case("shorter", lambda table: [o.AlterField("Item", "slug", char(max_length=5, db_index=True))]),
    Case("rename", lambda table: [o.RenameField("Item", "slug", "renamed")]),
    Case("rename_table", lambda table: [o.AlterModelTable("Item", table("thing"))]),
    *[
        case
        for case in CASES
        if case.name in ("not_null", "unique_on", "unique_off", "longer_varchar", "foreign_key_to_another_table",
                         "add_check", "remove_foreign_key", "remove_foreign_key_and_its_target", "delete_both_ends",
                         "key_to_bigint", "remove_index", "add_unique")
    ],
]  # fmt: skip


def history(connection, situation):
    """The tables as those of an app that has been migrated."""
    shop = Shop(connection)
    migration = Migration("0001", APP)
    migration.operations = before(situation.table)
    shop.migrations.append(migration)
    shop.states.append(runs.state(situation))
    return shop


def said(report):
    """Return the report without the schema that Django has been told."""
    return [
        tuple(str(text).replace('"b".', "") for text in (x.code, x.severity, x.message, x.table, x.sql))
        for x in (entry.finding for entry in report.entries)
    ]


@pytest.mark.parametrize("case", JUDGED, ids=str)
@EVERYWHERE
def test_same_findings(situation, case, template, make_database):
    alone, shop = (history(make_database(each), each) for each in (ALONE, situation))
    expected = check(alone, case.operations(ALONE.table))
    assert said(check(shop, case.operations(situation.table))) == said(expected)


@pytest.mark.parametrize("case", JUDGED, ids=str)
def test_same_findings_without_a_database(case, make_database):
    alone, shop = (history(make_database(each), each) for each in (ALONE, OUT_OF_SIGHT))
    expected = check_alone(alone, *case.operations(ALONE.table))
    assert said(check_alone(shop, *case.operations(OUT_OF_SIGHT.table))) == said(expected)


@EVERYWHERE
def test_sizes_are_those_of_the_schema(situation, tmp_path, make_database):
    connection = make_database(situation, ())
    runs.execute(connection, "ANALYZE")
    write(connection, tmp_path / "sizes.json")
    table = connection.ops.quote_name(situation.table("item"))
    assert FileSizes(tmp_path / "sizes.json").of(table).rows == 20
