"""The code forgets a column; the database keeps it until that code is everywhere."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("shop", "0033_remove_order_warehouse")]

    operations = [
        migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("Order", "voucher")]),
    ]
