"""Introspection that sees what the schema editor has planned and not sent yet."""

from __future__ import annotations

from django.contrib.gis.db.backends.postgis.introspection import PostGISIntrospection

from ..postgres.introspection import IntrospectionMixin


class DatabaseIntrospection(IntrospectionMixin, PostGISIntrospection):
    pass
