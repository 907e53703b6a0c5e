from django.db import models

# given: a trigger keeps each version of an order
statements = [
    "CREATE TABLE order_history (LIKE shop_order)",
    "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS "
    "'BEGIN INSERT INTO order_history SELECT OLD.*; RETURN NEW; END'",
    "CREATE TRIGGER kept AFTER UPDATE ON shop_order FOR EACH ROW EXECUTE FUNCTION keep()",
]

# unsafe
from django_zero_downtime_migrations.operations import Backfill

operations = [
    Backfill("Order", {"quantity": 1}, where=models.Q(quantity=None)),
]

# safe: where the history is to have these rows as well
from django_zero_downtime_migrations.operations import Backfill, SafetyAssured

operations = [
    SafetyAssured(
        [Backfill("Order", {"quantity": 1}, where=models.Q(quantity=None))],
        reason="auditors want each version, and there is room for it",
    ),
]
