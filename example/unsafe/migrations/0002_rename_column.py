"""ALTER_TABLE_RENAME_COLUMN: code that still runs asks for the old name."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("unsafe", "0001_initial")]

    operations = [
        migrations.RenameField("Talk", "title", "headline"),
    ]
