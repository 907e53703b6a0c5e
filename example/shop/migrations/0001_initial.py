"""The shop on its first day; customers and orders refer to each other."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            "Warehouse",
            [
                ("id", models.BigAutoField("ID", auto_created=True, primary_key=True, serialize=False)),
                ("city", models.CharField(max_length=50)),
            ],
        ),
        migrations.CreateModel(
            "Category",
            [
                ("id", models.BigAutoField("ID", auto_created=True, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=50)),
                ("parent", models.ForeignKey("shop.Category", models.CASCADE, null=True)),
            ],
        ),
        migrations.CreateModel(
            "Product",
            [
                ("id", models.BigAutoField("ID", auto_created=True, primary_key=True, serialize=False)),
                ("sku", models.CharField(max_length=20, unique=True)),
                ("name", models.CharField(max_length=100)),
                ("price", models.DecimalField(max_digits=10, decimal_places=2)),
                ("category", models.ForeignKey("shop.Category", models.PROTECT)),
            ],
        ),
        migrations.CreateModel(
            "Voucher",
            [
                ("id", models.BigAutoField("ID", auto_created=True, primary_key=True, serialize=False)),
                ("code", models.CharField(max_length=20)),
                ("product", models.ForeignKey("shop.Product", models.CASCADE)),
            ],
        ),
        migrations.CreateModel(
            "Customer",
            [
                ("id", models.BigAutoField("ID", auto_created=True, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=100)),
                ("email", models.CharField(max_length=254)),
            ],
        ),
        migrations.CreateModel(
            "Order",
            [
                ("id", models.BigAutoField("ID", auto_created=True, primary_key=True, serialize=False)),
                ("number", models.CharField(max_length=20, db_index=True)),
                ("customer", models.ForeignKey("shop.Customer", models.PROTECT)),
                ("status", models.CharField(max_length=10)),
                ("channel", models.CharField(max_length=10, null=True)),
                ("quantity", models.IntegerField(null=True)),
                ("total", models.DecimalField(max_digits=10, decimal_places=2)),
                ("placed_at", models.DateTimeField()),
                ("legacy_code", models.CharField(max_length=20, null=True, db_index=True)),
                ("warehouse", models.ForeignKey("shop.Warehouse", models.PROTECT, null=True)),
                ("voucher", models.ForeignKey("shop.Voucher", models.SET_NULL, null=True)),
            ],
        ),
        migrations.AddField(
            "Customer", "latest_order", models.ForeignKey("shop.Order", models.SET_NULL, null=True, related_name="+")
        ),
    ]
