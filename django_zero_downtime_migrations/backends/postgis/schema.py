"""The same editor over PostGIS's. It has its own module, since importing PostGIS needs GDAL."""

from __future__ import annotations

from django.contrib.gis.db.backends.postgis.schema import PostGISSchemaEditor

from ..postgres.schema import DatabaseSchemaEditorMixin


class DatabaseSchemaEditor(DatabaseSchemaEditorMixin, PostGISSchemaEditor):
    pass
