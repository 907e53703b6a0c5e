"""``ENGINE = "django_zero_downtime_migrations.backends.postgis"``."""

from __future__ import annotations

from typing import Any

from django.contrib.gis.db.backends.postgis.base import DatabaseWrapper as PostGISWrapper
from django.db.backends.base.base import NO_DB_ALIAS

from ...migrate_run.signals import connect
from ...settings import base_backend
from ..postgres.editor_class import EditorClass
from ..postgres.validation import DatabaseValidation
from .features import DatabaseFeatures
from .introspection import DatabaseIntrospection
from .operations import DatabaseOperations


def _editor() -> type:
    from .schema import DatabaseSchemaEditor

    return DatabaseSchemaEditor


class DatabaseWrapper(PostGISWrapper):
    SchemaEditorClass: Any = EditorClass(_editor)
    validation_class = DatabaseValidation
    ops_class = DatabaseOperations

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        # Some Django versions set these on the instance, whatever class attributes say.
        if self.alias != NO_DB_ALIAS:
            self.features = DatabaseFeatures(self)
            self.introspection = DatabaseIntrospection(self)
            self.ops = DatabaseOperations(self)

    def get_connection_params(self) -> dict[str, Any]:
        """Let the driver prepare no script, where it prepares anything."""
        params: dict[str, Any] = super().get_connection_params()
        if params.get("prepare_threshold") is None:
            return params
        # Imported here: few projects have that option.
        from ..postgres.scripts import sending_scripts

        return sending_scripts(params)


if named := base_backend():
    from ..postgres.named_base import built_on

    DatabaseWrapper = built_on(named, DatabaseWrapper, PostGISWrapper)  # type: ignore[misc]

# A run of migrate is noticed before the first schema editor opens.
connect()
