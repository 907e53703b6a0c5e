from django.db import migrations, models

# given: EXPAND_CONTRACT is on, and others are at work
settings = {"EXPAND_CONTRACT": True}

# unsafe
operations = [
    migrations.AddField("Order", "status", models.CharField(max_length=10, default="new")),
]

# safe: with a default that stays in the database (Django 5.0 and later)
operations = [
    migrations.AddField("Order", "status", models.CharField(max_length=10, db_default="new")),
]

# safe: NULL for code that does not know it
operations = [
    migrations.AddField("Order", "status", models.CharField(max_length=10, null=True)),
]
