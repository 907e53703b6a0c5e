from django.db import migrations, models

# given: a publication has the orders
statements = ["CREATE PUBLICATION changes FOR TABLE shop_order"]

# unsafe
operations = [
    migrations.AddField("Order", "rank", models.IntegerField(null=True)),
]

# safe: when each subscriber has the column
from django_zero_downtime_migrations.operations import SafetyAssured

operations = [
    SafetyAssured(
        [migrations.AddField("Order", "rank", models.IntegerField(null=True))],
        reason="the warehouse has the column since Monday",
    ),
]
