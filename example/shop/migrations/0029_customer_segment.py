"""A column for the data migration that follows."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0028_order_tags")]

    operations = [
        migrations.AddField("Customer", "segment", models.CharField(max_length=10, null=True)),
    ]
