from django.db import migrations, models

# unsafe
operations = [
    migrations.AlterField("Order", "total", models.BigIntegerField()),
]

# safe: a new column, which the code writes beside the old one
operations = [
    migrations.AddField("Order", "total_cents", models.BigIntegerField(null=True)),
]

# then: every row is copied in batches, when all code that runs writes both
from django_zero_downtime_migrations.operations import Backfill

operations = [
    Backfill("Order", {"total_cents": models.F("total")}),
]

# then: NOT NULL is proved while everybody goes on working
operations = [
    migrations.AlterField("Order", "total_cents", models.BigIntegerField()),
]
