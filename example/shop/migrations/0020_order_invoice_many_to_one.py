"""And back to ForeignKey."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0019_order_invoice_one_to_one")]

    operations = [
        migrations.AlterField("Order", "invoice", models.ForeignKey("shop.Invoice", models.SET_NULL, null=True)),
    ]
