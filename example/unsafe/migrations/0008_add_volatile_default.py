"""A default that differs from row to row: every row is rewritten."""

from __future__ import annotations

from django.contrib.postgres.functions import RandomUUID
from django.db import migrations, models

from example.unsafe.compat import HAS_DATABASE_DEFAULT


class Migration(migrations.Migration):
    dependencies = [("unsafe", "0007_add_not_null_column")]

    operations = []
    if HAS_DATABASE_DEFAULT:
        operations = [
            migrations.AddField("Talk", "ticket", models.UUIDField(db_default=RandomUUID())),
        ]
