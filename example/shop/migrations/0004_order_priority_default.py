"""Another default for rows to come."""

from __future__ import annotations

from django.db import migrations, models

from example.shop.compat import database_default


class Migration(migrations.Migration):
    dependencies = [("shop", "0003_order_priority")]

    operations = [
        migrations.AlterField("Order", "priority", models.SmallIntegerField(**database_default(5))),
    ]
