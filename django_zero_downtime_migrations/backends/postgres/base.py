"""``ENGINE = "django_zero_downtime_migrations.backends.postgres"``."""

from __future__ import annotations

from django.db.backends.postgresql.base import DatabaseWrapper as PostgresWrapper

from ...settings import base_backend
from .features import DatabaseFeatures
from .introspection import DatabaseIntrospection
from .operations import DatabaseOperations
from .schema import DatabaseSchemaEditor
from .validation import DatabaseValidation


class DatabaseWrapper(PostgresWrapper):
    SchemaEditorClass = DatabaseSchemaEditor
    features_class = DatabaseFeatures
    introspection_class = DatabaseIntrospection
    ops_class = DatabaseOperations
    validation_class = DatabaseValidation


if named := base_backend():
    from .named_base import built_on

    DatabaseWrapper = built_on(named, DatabaseWrapper, PostgresWrapper)  # type: ignore[misc]
