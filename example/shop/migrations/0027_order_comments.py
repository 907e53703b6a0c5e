"""Comments on a column, which an index depends on, and on the table."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0026_order_total_not_negative")]

    operations = [
        migrations.AlterField(
            "Order", "status", models.CharField(max_length=10, db_comment="open, paid, sent or closed")
        ),
        migrations.AlterModelTableComment("Order", "One row per order"),
    ]
