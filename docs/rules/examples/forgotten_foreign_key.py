from django.db import migrations, models

# given: the key takes NULL
operations = [
    migrations.AlterField("Order", "customer", models.ForeignKey("shop.Customer", models.PROTECT, null=True)),
]

# unsafe
operations = [
    migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("Order", "customer")]),
]

# safe: let the constraint go first
operations = [
    migrations.AlterField(
        "Order", "customer", models.ForeignKey("shop.Customer", models.PROTECT, null=True, db_constraint=False)
    ),
    migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("Order", "customer")]),
]
