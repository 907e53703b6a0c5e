from django.db import migrations, models

# unsafe
from django.contrib.postgres.functions import RandomUUID

operations = [
    migrations.AddField("Order", "ticket", models.UUIDField(null=True, db_default=RandomUUID())),
]

# safe: the column first
operations = [
    migrations.AddField("Order", "ticket", models.UUIDField(null=True)),
]

# then: its default; the rows that are there are filled in batches
from django.contrib.postgres.functions import RandomUUID

operations = [
    migrations.AlterField("Order", "ticket", models.UUIDField(db_default=RandomUUID())),
]
