"""A unique constraint on a column in use."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0014_order_number_index")]

    operations = [
        migrations.AlterField("Customer", "email", models.CharField(max_length=254, unique=True)),
    ]
