"""Many to many: a table between one that is new and one in use."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0027_order_comments")]

    operations = [
        migrations.CreateModel(
            "Tag",
            [
                ("id", models.BigAutoField("ID", auto_created=True, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=20, unique=True)),
            ],
        ),
        migrations.AddField("Order", "tags", models.ManyToManyField("shop.Tag")),
    ]
