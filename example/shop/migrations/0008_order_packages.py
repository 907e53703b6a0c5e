"""A column with a CHECK, as every PositiveIntegerField has."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0007_order_invoice")]

    operations = [
        migrations.AddField("Order", "packages", models.PositiveIntegerField(null=True)),
    ]
