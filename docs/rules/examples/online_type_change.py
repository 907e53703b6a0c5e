from django.db import migrations, models

# given: ONLINE_TYPE_CHANGES is on, and there are orders
settings = {"ONLINE_TYPE_CHANGES": True}

# unsafe
operations = [
    migrations.AlterField("Order", "total", models.BigIntegerField()),
]

# safe: a change that the catalogue alone takes is sent as it is
operations = [
    migrations.AlterField("Order", "note", models.TextField(default="")),
]
