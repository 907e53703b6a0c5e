"""Two columns unique together."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("shop", "0020_order_invoice_many_to_one")]

    operations = [
        migrations.AlterUniqueTogether("Order", {("customer", "number")}),
    ]
