"""Django's operations of PostGIS, with ours in front."""

from __future__ import annotations

from django.contrib.gis.db.backends.postgis.operations import PostGISOperations

from ..postgres.operations import OperationsMixin


class DatabaseOperations(OperationsMixin, PostGISOperations):
    pass
