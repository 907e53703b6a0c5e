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
