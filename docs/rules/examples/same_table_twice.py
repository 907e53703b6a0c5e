from django.db import migrations, models

# unsafe
operations = [
    migrations.AddField("Order", "code", models.CharField(max_length=20, null=True)),
]

# then: in the same deployment
operations = [
    migrations.AddField("Order", "source", models.CharField(max_length=20, null=True)),
]

# safe: together
operations = [
    migrations.AddField("Order", "code", models.CharField(max_length=20, null=True)),
    migrations.AddField("Order", "source", models.CharField(max_length=20, null=True)),
]
