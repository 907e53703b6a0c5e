"""ADD_CONSTRAINT_EXCLUDE: the table is read and indexed under the lock; there is no gentle way."""

from __future__ import annotations

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("unsafe", "0009_add_generated_column")]

    operations = [
        migrations.AddConstraint(
            "Talk",
            ExclusionConstraint(name="unsafe_talks_one_at_a_time", expressions=[("during", RangeOperators.OVERLAPS)]),
        ),
    ]
