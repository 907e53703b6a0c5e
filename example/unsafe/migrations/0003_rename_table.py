"""ALTER_TABLE_RENAME: the same for a whole table."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("unsafe", "0002_rename_column")]

    operations = [
        migrations.AlterModelTable("Talk", "unsafe_talks"),
    ]
