"""Stock Django, except for one operation."""

from __future__ import annotations

from typing import Any

from django.db import ProgrammingError
from django.db.backends.postgresql.base import DatabaseWrapper as PostgresWrapper
from django.db.backends.postgresql.schema import DatabaseSchemaEditor as PostgresEditor


class DatabaseSchemaEditor(PostgresEditor):
    def alter_unique_together(self, *args: Any) -> None:
        raise ProgrammingError("this backend knows no unique_together")


class DatabaseWrapper(PostgresWrapper):
    SchemaEditorClass = DatabaseSchemaEditor
