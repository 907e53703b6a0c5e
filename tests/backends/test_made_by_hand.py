"""Schema editors that other packages make by themselves: with `django.db.connection`, and without a ``with`` block."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.connection import ConnectionProxy

from tests.backends.fixtures import Twins
from tests.backends.test_mixin import AUTHOR, BOOK

BY_PAGES = models.Index(fields=["pages"], name="by_pages")


def proxy(connection: BaseDatabaseWrapper) -> Any:
    """Return a proxy, as `django.db.connection` is one to the database "default"."""
    return ConnectionProxy(connections, connection.alias)


@pytest.mark.parametrize("collect_sql", [False, True])
def test_editor_takes_the_proxy_and_has_the_connection_itself(database: BaseDatabaseWrapper, collect_sql: bool) -> None:
    editor = database.SchemaEditorClass(proxy(database), collect_sql=collect_sql)
    assert editor.connection is database
    assert editor.quote_value("it's") == "'it''s'"


def test_editor_of_the_proxy_changes_the_schema_as_stock_does(twins: Twins) -> None:
    twins.migrate(AUTHOR, BOOK)
    twins.run("INSERT INTO shop_author VALUES (1); INSERT INTO shop_book (pages) VALUES (4)")
    for shop in (twins.ours, twins.stock):
        isbn = models.CharField(max_length=13, null=True, unique=True)
        isbn.set_attributes_from_name("isbn")
        with shop.connection.SchemaEditorClass(proxy(shop.connection)) as editor:
            editor.add_field(shop.model("book"), isbn)
            editor.add_index(shop.model("book"), BY_PAGES)
    twins.compare()


def test_editor_of_the_proxy_without_a_with_block_does_what_stock_does(twins: Twins) -> None:
    twins.migrate(AUTHOR, BOOK)
    for shop in (twins.ours, twins.stock):
        editor = shop.connection.SchemaEditorClass(proxy(shop.connection))
        editor.add_index(shop.model("book"), BY_PAGES)
        editor.execute('CREATE TABLE "by_hand" (x integer)')
        editor.execute('INSERT INTO "by_hand" VALUES (%s)', [3])
    twins.compare()
    assert twins.ours.run('SELECT x FROM "by_hand"') == [(3,)]


def test_collecting_editor_of_the_proxy_without_a_with_block_sends_nothing(twins: Twins) -> None:
    twins.migrate(AUTHOR, BOOK)
    before = twins.dump(twins.ours.connection)
    said = []
    for shop in (twins.ours, twins.stock):
        editor = shop.connection.SchemaEditorClass(proxy(shop.connection), collect_sql=True)
        editor.deferred_sql = []
        said.append(editor.table_sql(shop.model("book")))
        editor.add_index(shop.model("book"), BY_PAGES)
        assert "INDEX" in editor.collected_sql[-1] and '"by_pages"' in editor.collected_sql[-1]
    assert said[0] == said[1]
    assert twins.dump(twins.ours.connection) == before
