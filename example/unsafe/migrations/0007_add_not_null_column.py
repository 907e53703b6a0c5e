"""ADD_COLUMN_NOT_NULL: code that does not know the column cannot insert any more."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("unsafe", "0006_change_collation")]

    operations = [
        migrations.AddField("Talk", "language", models.CharField(max_length=5, default="en")),
    ]
