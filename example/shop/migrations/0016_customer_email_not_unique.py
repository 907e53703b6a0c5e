"""Unique no more."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0015_customer_email_unique")]

    operations = [
        migrations.AlterField("Customer", "email", models.CharField(max_length=254)),
    ]
