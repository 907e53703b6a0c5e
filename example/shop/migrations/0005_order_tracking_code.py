"""A unique text column: a unique index and one for LIKE."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0004_order_priority_default")]

    operations = [
        migrations.AddField("Order", "tracking_code", models.CharField(max_length=32, null=True, unique=True)),
    ]
