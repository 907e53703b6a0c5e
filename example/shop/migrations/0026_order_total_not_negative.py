"""A check constraint."""

from __future__ import annotations

from django.db import migrations, models

from example.shop.compat import check_constraint


class Migration(migrations.Migration):
    dependencies = [("shop", "0025_order_one_open_per_number")]

    operations = [
        migrations.AddConstraint(
            "Order", check_constraint(models.Q(total__gte=0), name="shop_order_total_not_negative")
        ),
    ]
