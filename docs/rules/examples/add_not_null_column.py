from django.db import migrations, models

# unsafe
operations = [
    migrations.AddField("Order", "status", models.CharField(max_length=10, default="new")),
]

# safe: with a default in the database (Django 5.0 and later)
operations = [
    migrations.AddField("Order", "status", models.CharField(max_length=10, db_default="new")),
]

# safe: NULL first
operations = [
    migrations.AddField("Order", "status", models.CharField(max_length=10, null=True)),
]

# then: when all code that runs writes the column
operations = [
    migrations.AlterField("Order", "status", models.CharField(max_length=10, default="new")),
]
