from django.db import migrations, models

# given: one order for each quantity and number
operations = [
    migrations.AddConstraint("Order", models.UniqueConstraint(fields=["quantity", "number"], name="once")),
]

# unsafe
operations = [
    migrations.RemoveConstraint("Order", "once"),
]

# safe: when all code that runs does without it
operations = [
    migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveConstraint("Order", "once")]),
]

# then: in the next release
operations = [
    migrations.SeparateDatabaseAndState(
        state_operations=[
            migrations.AddConstraint("Order", models.UniqueConstraint(fields=["quantity", "number"], name="once"))
        ]
    ),
    migrations.RemoveConstraint("Order", "once"),
]
