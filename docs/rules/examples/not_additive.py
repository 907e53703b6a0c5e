from django.db import migrations, models

# unsafe: with --strict
operations = [
    migrations.AlterField("Order", "note", models.CharField(max_length=30, null=True)),
]

# safe: a column beside it
operations = [
    migrations.AddField("Order", "long_note", models.CharField(max_length=30, null=True)),
]
