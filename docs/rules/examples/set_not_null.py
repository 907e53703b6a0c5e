from django.db import migrations, models

# given: every order has a quantity
statements = ["UPDATE shop_order SET quantity = 1"]

# unsafe
operations = [
    migrations.AlterField("Order", "quantity", models.IntegerField()),
]

# safe: let the code always write a value first
operations = [
    migrations.SeparateDatabaseAndState(
        state_operations=[migrations.AlterField("Order", "quantity", models.IntegerField())]
    ),
]

# then: in the next release, when all code that runs does so
operations = [
    migrations.SeparateDatabaseAndState(
        state_operations=[migrations.AlterField("Order", "quantity", models.IntegerField(null=True))]
    ),
    migrations.AlterField("Order", "quantity", models.IntegerField()),
]
