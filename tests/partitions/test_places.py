"""Partitions in other schemas and tablespaces, with long and odd names, and tables without any partition."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from django.db import migrations, models
from django.db.models.functions import Lower

from tests import databases
from tests.backends.fixtures import Twins
from tests.operations.case import TABLESPACE

from .tables import begin
from .test_result import OPERATIONS

LONG = "sale_of_all_the_books_that_have_been_sold_since_the_shop_opened"
PLACES = {
    "another schema": "CREATE SCHEMA far; ALTER TABLE sale_low SET SCHEMA far; ALTER TABLE sale_many SET SCHEMA far",
    "same name in another schema": "CREATE SCHEMA far; ALTER TABLE sale_odd SET SCHEMA far; "
    "ALTER TABLE far.sale_odd RENAME TO sale_low",
    "long names": f"ALTER TABLE sale_low RENAME TO {LONG}; ALTER TABLE sale_many_0 RENAME TO {LONG[:-2]}",
    "odd names": """ALTER TABLE sale_low RENAME TO "it's"; ALTER TABLE sale_many RENAME TO "Büch % er" """,
    "no partition": "DROP TABLE sale_low, sale_many, sale_listed, sale_rest",
    "a partitioned partition without any": "DROP TABLE sale_many_0, sale_many_1",
}


@pytest.fixture
def sales(twins: Twins) -> Twins:
    begin(twins.ours)
    begin(twins.stock)
    return twins


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", ["expressions", "unique", "foreign key"])
def test_result_is_that_of_stock(sales: Twins, place: str, name: str) -> None:
    sales.run(PLACES[place])
    sales.migrate(*OPERATIONS[name])


@pytest.fixture
def tablespace(django_db_blocker: Any) -> Iterator[str]:
    """A tablespace inside the server's data directory."""
    name = f"{TABLESPACE}_parts"
    with closing(databases.open_session(autocommit=True)) as session, session.cursor() as cursor:
        cursor.execute("SET allow_in_place_tablespaces = on")
        cursor.execute(f"CREATE TABLESPACE {name} LOCATION ''")
        yield name
        cursor.execute(f"DROP TABLESPACE {name}")


def test_index_in_a_tablespace(tablespace: str, twins: Twins) -> None:
    begin(twins.ours)
    begin(twins.stock)
    index = models.Index(fields=["pages"], name="by_pages", db_tablespace=tablespace)
    twins.migrate(migrations.AddIndex("sale", index))
    twins.run("DROP TABLE shop_sale")


def test_expression_over_a_new_column(sales: Twins) -> None:
    code = models.CharField(max_length=9, null=True)
    sales.migrate(
        migrations.AddField("sale", "code", code),
        migrations.AddIndex("sale", models.Index(Lower("code"), name="by_code")),
    )


def test_primary_key(twins: Twins) -> None:
    # Django alone cannot ask for one over several columns; this is what it sends for one.
    begin(twins.ours)
    begin(twins.stock)
    twins.run("ALTER TABLE shop_event DROP CONSTRAINT shop_event_pkey; ALTER TABLE shop_event ALTER id DROP NOT NULL")
    for shop in (twins.stock, twins.ours):
        model = shop.model("event")
        with shop.connection.schema_editor() as editor:
            editor.execute(editor._create_primary_key_sql(model, model._meta.pk))
    twins.compare()
