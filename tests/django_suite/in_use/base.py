"""A plain new table needs no safe sequence, and in Django's tests nearly every table is new; here none is."""

from __future__ import annotations

from django_zero_downtime_migrations.backends.postgres import base, schema


class DatabaseSchemaEditor(schema.DatabaseSchemaEditor):
    """Sends every statement as on a table with traffic."""

    # The hook of the package: the only place that decides whether a table is too new to have traffic.
    def treat_as_new(self, table: str) -> bool:
        return False


class DatabaseWrapper(base.DatabaseWrapper):
    """The engine's wrapper with that editor."""

    SchemaEditorClass = DatabaseSchemaEditor
