"""A conference."""

from __future__ import annotations

from django.contrib.postgres.fields import DateTimeRangeField
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            "Talk",
            [
                ("id", models.BigAutoField("ID", auto_created=True, primary_key=True, serialize=False)),
                ("title", models.CharField(max_length=100, db_index=True)),
                ("speaker", models.CharField(max_length=100)),
                ("seats", models.IntegerField()),
                ("during", DateTimeRangeField()),
            ],
        ),
    ]
