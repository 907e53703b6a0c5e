"""An index becomes a unique constraint."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0012_order_number_longer")]

    operations = [
        migrations.AlterField("Order", "number", models.CharField(max_length=40, unique=True)),
    ]
