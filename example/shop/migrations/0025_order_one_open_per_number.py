"""A unique constraint with a condition."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0024_rename_order_customer_index")]

    operations = [
        migrations.AddConstraint(
            "Order",
            models.UniqueConstraint(
                fields=["number"], condition=models.Q(status="open"), name="shop_order_one_open_per_number"
            ),
        ),
    ]
