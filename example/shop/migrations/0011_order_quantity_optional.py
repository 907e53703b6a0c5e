"""NOT NULL back to NULL."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0010_order_channel_required")]

    operations = [
        migrations.AlterField("Order", "quantity", models.IntegerField(null=True)),
    ]
