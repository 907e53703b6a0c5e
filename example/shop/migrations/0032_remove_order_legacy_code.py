"""An indexed column goes."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("shop", "0031_order_statistics")]

    operations = [
        migrations.RemoveField("Order", "legacy_code"),
    ]
