"""Kinds of columns that Django 4.2 does not have; asked of Django itself."""

from __future__ import annotations

from typing import Any

from django.db import models

from example.shop.compat import HAS_DATABASE_DEFAULT as HAS_DATABASE_DEFAULT


def generated_column(expression: Any, output_field: models.Field) -> models.Field:
    """A stored generated column: it came in 5.0, together with `db_default`."""
    return models.GeneratedField(expression=expression, output_field=output_field, db_persist=True)
