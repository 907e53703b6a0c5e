"""A foreign key with its index."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0006_invoice")]

    operations = [
        migrations.AddField("Order", "invoice", models.ForeignKey("shop.Invoice", models.SET_NULL, null=True)),
    ]
