"""The shop as the last migration leaves it."""

from __future__ import annotations

from django.db import models

from .compat import check_constraint, database_default


class Warehouse(models.Model):
    city = models.CharField(max_length=50)


class Category(models.Model):
    name = models.CharField(max_length=50)
    parent = models.ForeignKey("self", models.CASCADE, null=True)


class Product(models.Model):
    sku = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=100)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    category = models.ForeignKey(Category, models.PROTECT)


class Customer(models.Model):
    name = models.CharField(max_length=100)
    email = models.CharField(max_length=254)
    segment = models.CharField(max_length=10, null=True)
    # A customer has orders, and an order has a customer: the foreign keys go in a circle.
    latest_order = models.ForeignKey("Order", models.SET_NULL, null=True, related_name="+")


class Invoice(models.Model):
    customer = models.ForeignKey(Customer, models.PROTECT)
    issued_at = models.DateTimeField()


class Tag(models.Model):
    name = models.CharField(max_length=20, unique=True)


class Order(models.Model):
    number = models.CharField(max_length=40, db_index=True)
    customer = models.ForeignKey(Customer, models.PROTECT)
    status = models.CharField(max_length=10, db_comment="open, paid, sent or closed")
    channel = models.CharField(max_length=10)
    quantity = models.IntegerField(null=True)
    total = models.DecimalField(max_digits=10, decimal_places=2)
    placed_at = models.DateTimeField()
    gift_note = models.TextField(null=True)
    priority = models.SmallIntegerField(**database_default(5))
    tracking_code = models.CharField(max_length=32, null=True, unique=True)
    packages = models.PositiveIntegerField(null=True)
    invoice = models.ForeignKey(Invoice, models.SET_NULL, null=True)
    tags = models.ManyToManyField(Tag)

    class Meta:
        db_table_comment = "One row per order"
        unique_together = [("customer", "number")]
        indexes = [
            models.Index(fields=["status"], name="shop_order_status_idx"),
            models.Index(fields=["customer", "-placed_at"], name="shop_order_history_idx"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["number"], condition=models.Q(status="open"), name="shop_order_one_open_per_number"
            ),
            check_constraint(models.Q(total__gte=0), name="shop_order_total_not_negative"),
        ]
