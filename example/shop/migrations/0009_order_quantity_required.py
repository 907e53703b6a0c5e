"""NULL to NOT NULL where no row is NULL any more."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0008_order_packages")]

    operations = [
        migrations.AlterField("Order", "quantity", models.IntegerField()),
    ]
