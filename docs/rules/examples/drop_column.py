from django.db import migrations, models

# unsafe
operations = [
    migrations.RemoveField("Order", "note"),
]

# safe: let Django forget the field
operations = [
    migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("Order", "note")]),
]

# then: in the next release, when no process knows the field any more
operations = [
    migrations.SeparateDatabaseAndState(
        state_operations=[migrations.AddField("Order", "note", models.CharField(max_length=20, null=True))]
    ),
    migrations.RemoveField("Order", "note"),
]

# safe: a foreign key, NULL and without its constraint: code that has forgotten it inserts orders and deletes customers
operations = [
    migrations.AlterField(
        "Order", "customer", models.ForeignKey("shop.Customer", models.PROTECT, null=True, db_constraint=False)
    ),
]

# then: let Django forget the field
operations = [
    migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("Order", "customer")]),
]

# then: in the next release, when no process knows the field any more
operations = [
    migrations.SeparateDatabaseAndState(
        state_operations=[
            migrations.AddField(
                "Order", "customer", models.ForeignKey("shop.Customer", models.PROTECT, null=True, db_constraint=False)
            )
        ]
    ),
    migrations.RemoveField("Order", "customer"),
]
