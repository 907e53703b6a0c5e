"""A longer varchar: the rows stay as they are."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0011_order_quantity_optional")]

    operations = [
        migrations.AlterField("Order", "number", models.CharField(max_length=40, db_index=True)),
    ]
