"""The features of this backend that Django asks for."""

from __future__ import annotations

from django.contrib.gis.db.backends.postgis.features import DatabaseFeatures as PostGISFeatures

from ..postgres.features import FeaturesMixin


class DatabaseFeatures(FeaturesMixin, PostGISFeatures):
    pass
