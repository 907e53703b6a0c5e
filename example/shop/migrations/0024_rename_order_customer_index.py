"""An index gets another name."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("shop", "0023_order_customer_index")]

    operations = [
        migrations.RenameIndex("Order", new_name="shop_order_history_idx", old_name="shop_order_customer_idx"),
    ]
