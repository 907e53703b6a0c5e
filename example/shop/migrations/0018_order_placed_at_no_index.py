"""The index goes."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0017_order_placed_at_index")]

    operations = [
        migrations.AlterField("Order", "placed_at", models.DateTimeField()),
    ]
