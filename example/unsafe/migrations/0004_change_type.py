"""ALTER_COLUMN_TYPE: integer to bigint rewrites every row and index while it blocks reads."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("unsafe", "0003_rename_table")]

    operations = [
        migrations.AlterField("Talk", "seats", models.BigIntegerField()),
    ]
