"""An index by the ordinary operation."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0022_order_status_index")]

    operations = [
        migrations.AddIndex("Order", models.Index(fields=["customer", "-placed_at"], name="shop_order_customer_idx")),
    ]
