"""ALTER_COLUMN_TYPE: a shorter varchar is a rewrite, a longer one is not."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("unsafe", "0004_change_type")]

    operations = [
        migrations.AlterField("Talk", "speaker", models.CharField(max_length=50)),
    ]
