"""NULL to NOT NULL with a value for the rows that have none."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0009_order_quantity_required")]

    operations = [
        migrations.AlterField(
            "Order", "channel", models.CharField(max_length=10, default="web"), preserve_default=False
        ),
    ]
