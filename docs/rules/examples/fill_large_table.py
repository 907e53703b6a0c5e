from django.db import migrations, models

# given: a million orders or more without a quantity
statements = [
    "UPDATE shop_order SET quantity = NULL",
    "ANALYZE shop_order",
    "UPDATE pg_class SET reltuples = 4000000 WHERE oid = 'shop_order'::regclass",
]

# unsafe
operations = [
    migrations.AlterField("Order", "quantity", models.IntegerField(default=1)),
]


# safe: fill first, in batches
from django_zero_downtime_migrations.operations import Backfill

operations = [
    Backfill("Order", {"quantity": 1}, where=models.Q(quantity=None)),
    migrations.RunSQL("ANALYZE shop_order"),
]

# then: NOT NULL is proved while everybody goes on working
operations = [
    migrations.AlterField("Order", "quantity", models.IntegerField()),
]
