"""The models that the unsafe migrations leave."""

from __future__ import annotations

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.contrib.postgres.functions import RandomUUID
from django.db import models

from .compat import HAS_DATABASE_DEFAULT, generated_column


class Talk(models.Model):
    headline = models.CharField(max_length=100, db_index=True, db_collation="C")
    speaker = models.CharField(max_length=50)
    seats = models.BigIntegerField()
    during = DateTimeRangeField()
    language = models.CharField(max_length=5, default="en")
    if HAS_DATABASE_DEFAULT:
        ticket = models.UUIDField(db_default=RandomUUID())
        seats_twice = generated_column(models.F("seats") * 2, models.BigIntegerField())

    class Meta:
        db_table = "unsafe_talks"
        constraints = [
            ExclusionConstraint(name="unsafe_talks_one_at_a_time", expressions=[("during", RangeOperators.OVERLAPS)])
        ]
