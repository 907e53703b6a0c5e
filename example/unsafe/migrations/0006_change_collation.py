"""ALTER_COLUMN_TYPE: the index on the column is rebuilt under the lock."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("unsafe", "0005_shorten_column")]

    operations = [
        migrations.AlterField("Talk", "headline", models.CharField(max_length=100, db_index=True, db_collation="C")),
    ]
