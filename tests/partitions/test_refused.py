"""An impossible request on a partitioned table is refused before anything is sent."""

from __future__ import annotations

import pytest
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import BigIntegerRangeField, RangeOperators
from django.db import DatabaseError, migrations, models
from django.db.migrations.operations.base import Operation
from django.db.models.functions import Lower

from django_zero_downtime_migrations.backends.postgres.schema import UnsafeOperationException, UnsafeOperationWarning
from django_zero_downtime_migrations.errors import CannotMigrate, Unsafe
from tests.backends.project import Shop

from .tables import begin

UNIQUE: dict[str, tuple[Operation, str]] = {
    "unique": (
        migrations.AddConstraint("sale", models.UniqueConstraint(fields=["shelf", "pages"], name="once")),
        '"shop_sale" is partitioned, and id is not',
    ),
    "of a partition": (
        migrations.AddConstraint("sale", models.UniqueConstraint(fields=["id", "pages"], name="once")),
        '"sale_many" is partitioned, and shelf is not',
    ),
    "together": (migrations.AlterUniqueTogether("sale", {("shelf", "title")}), '"shop_sale" is partitioned, and id'),
    "index": (
        migrations.AddConstraint("sale", models.UniqueConstraint(Lower("title"), "pages", name="once")),
        '"shop_sale" is partitioned, and id is not',
    ),
    "field": (
        migrations.AddField("sale", "code", models.CharField(max_length=9, null=True, unique=True)),
        '"shop_sale" is partitioned, and id is not',
    ),
    "one to one": (
        migrations.AddField("sale", "event", models.OneToOneField("shop.Event", models.CASCADE, null=True)),
        '"shop_sale" is partitioned, and id is not',
    ),
}
FOREIGN = """
CREATE FOREIGN DATA WRAPPER none;
CREATE SERVER nowhere FOREIGN DATA WRAPPER none;
CREATE FOREIGN TABLE sale_far PARTITION OF shop_sale FOR VALUES FROM (700) TO (800) SERVER nowhere;
"""


@pytest.fixture
def sales(shop: Shop) -> Shop:
    begin(shop)
    return shop


def everything(shop: Shop) -> list[tuple[object, ...]]:
    return shop.run("SELECT oid, relname, relkind FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1")


def refused(shop: Shop, operation: Operation) -> str:
    before = everything(shop)
    with pytest.raises(CannotMigrate) as caught:
        shop.migrate(operation)
    assert everything(shop) == before
    return str(caught.value)


@pytest.mark.parametrize("name", UNIQUE)
def test_unique_without_the_partition_key(sales: Shop, name: str) -> None:
    operation, said = UNIQUE[name]
    assert said in refused(sales, operation)


def test_partition_key_that_is_an_expression(sales: Shop) -> None:
    sales.run(
        "CREATE TABLE sale_worded PARTITION OF shop_sale FOR VALUES FROM (500) TO (600) PARTITION BY HASH ((id + 1))"
    )
    operation = migrations.AddConstraint("sale", models.UniqueConstraint(fields=["id", "shelf"], name="once"))
    assert "an expression is not among its columns" in refused(sales, operation)


def test_unique_with_a_foreign_table(sales: Shop) -> None:
    sales.run(FOREIGN)
    operation = migrations.AddConstraint("sale", models.UniqueConstraint(fields=["id", "shelf"], name="once"))
    assert '"sale_far"' in refused(sales, operation)


def test_index_with_a_foreign_table_has_no_safe_form(sales: Shop, settings: object) -> None:
    sales.run(FOREIGN)
    settings.ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE = True  # type: ignore[attr-defined]
    before = everything(sales)
    with pytest.raises(UnsafeOperationException) as caught:
        sales.migrate(migrations.AddIndex("sale", models.Index(fields=["pages"], name="by_pages")))
    assert str(caught.value) == Unsafe.NO_SAFE_FORM
    assert everything(sales) == before


def test_exclusion_where_the_server_has_none_for_partitions(sales: Shop, server_major: int) -> None:
    around = models.Func(template="int8range(id, id, '[]')", output_field=BigIntegerRangeField())
    excluded = ExclusionConstraint(name="apart", expressions=[(around, RangeOperators.OVERLAPS)])
    operation = migrations.AddConstraint("sale", excluded)
    if server_major < 17:
        assert "apart" in refused(sales, operation)
    else:
        # It is a finding, and this one is then refused by the server: rows of two partitions cannot overlap by &&.
        with pytest.warns(UnsafeOperationWarning), pytest.raises(DatabaseError) as caught:
            sales.migrate(operation)
        assert not isinstance(caught.value, CannotMigrate)
