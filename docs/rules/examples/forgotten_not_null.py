from django.db import migrations, models

# given: the field takes no NULL
statements = ["UPDATE shop_order SET note = ''"]
operations = [
    migrations.AlterField("Order", "note", models.CharField(max_length=20)),
]

# unsafe
operations = [
    migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("Order", "note")]),
]

# safe: make the column NULL, and let Django forget the field
operations = [
    migrations.AlterField("Order", "note", models.CharField(max_length=20, null=True)),
    migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("Order", "note")]),
]
