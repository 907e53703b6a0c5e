"""A new table that refers to one in use."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0005_order_tracking_code")]

    operations = [
        migrations.CreateModel(
            "Invoice",
            [
                ("id", models.BigAutoField("ID", auto_created=True, primary_key=True, serialize=False)),
                ("customer", models.ForeignKey("shop.Customer", models.PROTECT)),
                ("issued_at", models.DateTimeField()),
            ],
        ),
    ]
