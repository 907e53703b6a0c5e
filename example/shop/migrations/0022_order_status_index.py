"""An index by Django's own operation for building concurrently."""

from __future__ import annotations

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("shop", "0021_order_unique_together")]

    operations = [
        AddIndexConcurrently("Order", models.Index(fields=["status"], name="shop_order_status_idx")),
    ]
