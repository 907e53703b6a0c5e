"""A ForeignKey becomes a OneToOneField."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0018_order_placed_at_no_index")]

    operations = [
        migrations.AlterField("Order", "invoice", models.OneToOneField("shop.Invoice", models.SET_NULL, null=True)),
    ]
