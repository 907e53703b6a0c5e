"""An index on a column in use."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0016_customer_email_not_unique")]

    operations = [
        migrations.AlterField("Order", "placed_at", models.DateTimeField(db_index=True)),
    ]
