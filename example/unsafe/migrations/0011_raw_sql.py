"""Raw SQL that rewrites: sent as it is written."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("unsafe", "0010_add_exclusion")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE unsafe_talks ALTER COLUMN speaker TYPE varchar(50) USING trim(speaker)", migrations.RunSQL.noop
        ),
    ]
