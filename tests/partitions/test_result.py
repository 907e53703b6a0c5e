"""The result is the one of stock Django, names of the partitions' indexes included."""

from __future__ import annotations

import pytest
from django.contrib.postgres.indexes import GinIndex
from django.db import migrations, models
from django.db.migrations.operations.base import Operation
from django.db.models.functions import Lower

from tests.backends.fixtures import Twins
from tests.operations.case import check

from .tables import begin

pytestmark = pytest.mark.filterwarnings("ignore::django_zero_downtime_migrations.errors.UnsafeOperationWarning")
F = models.F
OPERATIONS: dict[str, list[Operation]] = {
    "index": [migrations.AddIndex("sale", models.Index(fields=["pages"], name="by_pages"))],
    "several columns": [migrations.AddIndex("sale", models.Index(fields=["pages", "-shelf"], name="by_pages"))],
    "expressions": [migrations.AddIndex("sale", models.Index(Lower("title"), F("pages") + 1, "shelf", name="by_text"))],
    "include and condition": [
        migrations.AddIndex(
            "sale",
            models.Index(fields=["shelf"], include=["pages"], condition=models.Q(pages__gt=5), name="of_some"),
        )
    ],
    "operator class": [
        migrations.AddIndex("sale", models.Index(fields=["title"], name="by_text", opclasses=["varchar_pattern_ops"]))
    ],
    "gin": [
        migrations.AddIndex(
            "sale",
            GinIndex(
                models.Func("title", function="string_to_array", template="string_to_array(%(expressions)s, ' ')"),
                name="by_word",
            ),
        )
    ],
    "db_index": [migrations.AlterField("sale", "title", models.CharField(max_length=20, null=True, db_index=True))],
    "unique index": [
        migrations.AddConstraint(
            "sale",
            models.UniqueConstraint(fields=["id", "shelf"], condition=models.Q(pages__gt=5), name="once_of_some"),
        )
    ],
    "unique": [migrations.AddConstraint("sale", models.UniqueConstraint(fields=["shelf", "id"], name="once"))],
    "deferred unique": [
        migrations.AddConstraint(
            "sale",
            models.UniqueConstraint(fields=["shelf", "id"], name="once", deferrable=models.Deferrable.DEFERRED),
        )
    ],
    "unique together": [migrations.AlterUniqueTogether("sale", {("id", "shelf", "title")})],
    "check": [
        migrations.AddConstraint(
            "sale",
            check(models.Q(shelf__gte=0), "positive"),
        )
    ],
    "not null": [migrations.AlterField("sale", "title", models.CharField(max_length=20))],
    "foreign key": [
        migrations.AlterField("sale", "author", models.ForeignKey("shop.Author", models.CASCADE, db_column="author"))
    ],
    "new foreign key": [
        migrations.AddField("sale", "editor", models.ForeignKey("shop.Author", models.CASCADE, null=True))
    ],
    "new indexed column": [
        migrations.AddField("sale", "code", models.CharField(max_length=9, null=True, db_index=True))
    ],
    "new column with a check": [migrations.AddField("sale", "price", models.PositiveIntegerField(null=True))],
    "several at once": [
        migrations.AddIndex("sale", models.Index(fields=["pages"], name="by_pages")),
        migrations.AddIndex("sale", models.Index(fields=["pages"], name="by_pages_too")),
        migrations.AddIndex("sale", models.Index(fields=["pages"], name="by_long_pages", include=["title"])),
        migrations.RemoveIndex("sale", "by_pages"),
    ],
    "index of a renamed column": [
        migrations.RenameField("sale", "title", "name"),
        migrations.AddIndex("sale", models.Index(Lower("name"), name="by_name")),
    ],
    "other type": [migrations.AlterField("sale", "title", models.CharField(max_length=40, null=True))],
    "renamed table": [migrations.AlterModelTable("sale", "sold")],
}
#: Stock Django cannot take these back: it takes the server's rows about partitions for more foreign keys.
TO_PARTITIONED: dict[str, list[Operation]] = {
    "foreign key to a partitioned table": [
        migrations.AddField("author", "last", models.ForeignKey("shop.Event", models.CASCADE, null=True))
    ],
    "foreign key between partitioned tables": [
        migrations.AddField("sale", "event", models.ForeignKey("shop.Event", models.CASCADE, null=True))
    ],
    "foreign key to itself": [
        migrations.AddField("event", "cause", models.ForeignKey("shop.Event", models.CASCADE, null=True))
    ],
}
PREPARED: dict[str, tuple[list[Operation], list[Operation]]] = {
    "remove index": (OPERATIONS["index"], [migrations.RemoveIndex("sale", "by_pages")]),
    "rename index": (OPERATIONS["index"], [migrations.RenameIndex("sale", "pages", old_name="by_pages")]),
    "remove unique": (OPERATIONS["unique"], [migrations.RemoveConstraint("sale", "once")]),
    "remove unique together": (OPERATIONS["unique together"], [migrations.AlterUniqueTogether("sale", set())]),
    "remove check": (OPERATIONS["check"], [migrations.RemoveConstraint("sale", "positive")]),
    "remove foreign key": (OPERATIONS["new foreign key"], [migrations.RemoveField("sale", "editor")]),
    "remove indexed column": (OPERATIONS["include and condition"], [migrations.RemoveField("sale", "pages")]),
    "no index": (
        OPERATIONS["db_index"],
        [migrations.AlterField("sale", "title", models.CharField(max_length=20, null=True))],
    ),
    "drop table": (OPERATIONS["foreign key"], [migrations.DeleteModel("sale")]),
    "other type of an indexed column": (
        OPERATIONS["db_index"],
        [migrations.AlterField("sale", "title", models.TextField(null=True, db_index=True))],
    ),
    "null again": (
        OPERATIONS["not null"],
        [migrations.AlterField("sale", "title", models.CharField(max_length=20, null=True))],
    ),
}


@pytest.fixture
def sales(twins: Twins) -> Twins:
    begin(twins.ours)
    begin(twins.stock)
    return twins


@pytest.mark.parametrize("name", OPERATIONS)
def test_result_is_that_of_stock(sales: Twins, name: str) -> None:
    before = sales.dump(sales.stock.connection)
    sales.migrate(*OPERATIONS[name])
    assert sales.dump(sales.stock.connection) != before
    sales.ours.unapply()
    sales.stock.unapply()
    sales.compare()


@pytest.mark.parametrize("name", PREPARED)
def test_what_is_made_can_be_changed_as_with_stock(sales: Twins, name: str) -> None:
    before, after = PREPARED[name]
    sales.migrate(*before)
    there = sales.dump(sales.stock.connection)
    sales.migrate(*after)
    assert sales.dump(sales.stock.connection) != there


@pytest.mark.parametrize("name", TO_PARTITIONED)
def test_key_to_a_partitioned_table(sales: Twins, name: str) -> None:
    before = sales.dump(sales.ours.connection)
    sales.migrate(*TO_PARTITIONED[name])
    sales.ours.unapply()
    assert sales.dump(sales.ours.connection) == before
