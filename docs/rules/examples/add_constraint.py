from django.db import migrations, models

# unsafe
operations = [
    migrations.AddConstraint("Order", models.UniqueConstraint(fields=["number"], name="order_number_once")),
]

# safe: on a column that old code does not know
operations = [
    migrations.AddField("Order", "code", models.CharField(max_length=20, null=True)),
    migrations.AddConstraint("Order", models.UniqueConstraint(fields=["code"], name="order_code_once")),
]

# safe: let the code keep it first
operations = [
    migrations.SeparateDatabaseAndState(
        state_operations=[
            migrations.AddConstraint("Order", models.UniqueConstraint(fields=["number"], name="order_number_once")),
        ]
    ),
]

# then: in the next release, when all code that runs keeps it
operations = [
    migrations.SeparateDatabaseAndState(
        database_operations=[
            migrations.AddConstraint("Order", models.UniqueConstraint(fields=["number"], name="order_number_once")),
        ]
    ),
]
