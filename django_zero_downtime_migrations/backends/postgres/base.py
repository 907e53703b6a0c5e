"""``ENGINE = "django_zero_downtime_migrations.backends.postgres"``."""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql.base import DatabaseWrapper as PostgresWrapper

from ...migrate_run.signals import connect
from ...settings import base_backend
from .editor_class import EditorClass
from .features import DatabaseFeatures
from .introspection import DatabaseIntrospection
from .operations import DatabaseOperations
from .validation import DatabaseValidation


def _editor() -> type:
    from .schema import DatabaseSchemaEditor

    return DatabaseSchemaEditor


_EDITOR = EditorClass(_editor)


class DatabaseWrapper(PostgresWrapper):
    SchemaEditorClass: Any = _EDITOR
    features_class = DatabaseFeatures
    introspection_class = DatabaseIntrospection
    ops_class = DatabaseOperations
    validation_class = DatabaseValidation

    def schema_editor(self, *args: bool, **kwargs: bool) -> Any:
        """Import nothing that plans where nothing has to be planned."""
        if _EDITOR.is_of(self) and not (args or kwargs.get("collect_sql")):
            # Imported here: most processes of a project migrate nothing.
            from .on_new_database import NewDatabaseSchemaEditor, is_for

            if is_for(self):
                return NewDatabaseSchemaEditor(self, **kwargs)
        return super().schema_editor(*args, **kwargs)

    def get_connection_params(self) -> dict[str, Any]:
        """Let the driver prepare no script, where it prepares anything."""
        params: dict[str, Any] = super().get_connection_params()
        if params.get("prepare_threshold") is None:
            return params
        # Imported here: few projects have that option.
        from .scripts import sending_scripts

        return sending_scripts(params)


if named := base_backend():
    from .named_base import built_on

    DatabaseWrapper = built_on(named, DatabaseWrapper, PostgresWrapper)  # type: ignore[misc]

# A run of migrate is noticed before the first schema editor opens.
connect()
