from __future__ import annotations

from django.db import migrations

from django_zero_downtime_migrations.locks import LockMode

from .verbs import assert_finding, assert_safe


class MoveTable(migrations.AlterModelOptions):
    """Django's editor can move a table; none of its operations does."""

    def __init__(self, name, tablespace):
        super().__init__(name, {})
        self.tablespace = tablespace

    def deconstruct(self):
        return type(self).__name__, [self.name, self.tablespace], {}

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        schema_editor.alter_db_tablespace(to_state.apps.get_model(app_label, self.name), "", self.tablespace)


def test_table_that_moves(books):
    found = assert_finding(books, "ALTER_TABLE_SET_TABLESPACE", MoveTable("book", "pg_default"), names=('"shop_book"',))
    assert (found.origin.app, found.origin.model, found.lock) == ("shop", "book", LockMode.ACCESS_EXCLUSIVE)


def test_new_table_that_moves(shop):
    assert_safe(shop, migrations.CreateModel("book", []), MoveTable("book", "pg_default"))
