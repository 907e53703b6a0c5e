from django.db import migrations, models

# unsafe
operations = [
    migrations.AlterField("Customer", "id", models.BigIntegerField(primary_key=True)),
]

# safe: release code that writes the key itself, while the database still would
operations = [
    migrations.SeparateDatabaseAndState(
        state_operations=[migrations.AlterField("Customer", "id", models.BigIntegerField(primary_key=True))]
    ),
]

# then: in the next release, when no process leaves it to the database any more
operations = [
    migrations.SeparateDatabaseAndState(
        state_operations=[migrations.AlterField("Customer", "id", models.BigAutoField(primary_key=True))]
    ),
    migrations.AlterField("Customer", "id", models.BigIntegerField(primary_key=True)),
]
