"""ADD_COLUMN_GENERATED_STORED: every row is rewritten."""

from __future__ import annotations

from django.db import migrations, models

from example.unsafe.compat import HAS_DATABASE_DEFAULT, generated_column


class Migration(migrations.Migration):
    dependencies = [("unsafe", "0008_add_volatile_default")]

    operations = []
    if HAS_DATABASE_DEFAULT:
        operations = [
            migrations.AddField(
                "Talk", "seats_twice", generated_column(models.F("seats") * 2, models.BigIntegerField())
            ),
        ]
