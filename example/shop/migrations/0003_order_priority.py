"""A column that the database fills in, for old code that does not know it."""

from __future__ import annotations

from django.db import migrations, models

from example.shop.compat import database_default


class Migration(migrations.Migration):
    dependencies = [("shop", "0002_order_gift_note")]

    operations = [
        migrations.AddField("Order", "priority", models.SmallIntegerField(**database_default(0))),
    ]
