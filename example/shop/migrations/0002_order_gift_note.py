"""A nullable column: a change of the catalogue alone."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]

    operations = [
        migrations.AddField("Order", "gift_note", models.TextField(null=True)),
    ]
