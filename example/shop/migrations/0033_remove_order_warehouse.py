"""A foreign key goes, with its column and index."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("shop", "0032_remove_order_legacy_code")]

    operations = [
        migrations.RemoveField("Order", "warehouse"),
    ]
