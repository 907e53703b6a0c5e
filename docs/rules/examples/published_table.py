from django.db.models import Q

from django_zero_downtime_migrations.operations import Backfill

# given: a publication has the orders
statements = ["CREATE PUBLICATION changes FOR TABLE shop_order"]

# unsafe
operations = [Backfill("Order", {"total": 0}, where=Q(total=None))]

# safe: at a time at which the subscribers keep up
from django_zero_downtime_migrations.operations import SafetyAssured

operations = [
    SafetyAssured(
        [Backfill("Order", {"total": 0}, where=Q(total=None))],
        reason="the warehouse takes twice the traffic at night",
    ),
]
