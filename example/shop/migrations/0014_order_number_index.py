"""And back to an index."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0013_order_number_unique")]

    operations = [
        migrations.AlterField("Order", "number", models.CharField(max_length=40, db_index=True)),
    ]
