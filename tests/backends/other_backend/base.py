"""A custom backend, with something of its own in every class."""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql import base, features, introspection, operations, schema


class DatabaseFeatures(features.DatabaseFeatures):
    of_other_backend = True


class DatabaseIntrospection(introspection.DatabaseIntrospection):
    def table_names(self, *args: Any, **kwargs: Any) -> list[str]:
        return [name for name in super().table_names(*args, **kwargs) if name != "hidden"]


class DatabaseOperations(operations.DatabaseOperations):
    pass


class DatabaseSchemaEditor(schema.DatabaseSchemaEditor):
    sql_create_table = "CREATE TABLE %(table)s (%(definition)s) WITH (fillfactor = 70)"


class DatabaseWrapper(base.DatabaseWrapper):
    SchemaEditorClass = DatabaseSchemaEditor
    ops_class = DatabaseOperations

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # PostGIS does the same on some versions of Django.
        self.features = DatabaseFeatures(self)
        self.introspection = DatabaseIntrospection(self)
