from django.db import migrations, models

# given: ONLINE_TYPE_CHANGES is on, and by the OPTIONS of the database statements are prepared
settings = {"ONLINE_TYPE_CHANGES": True}
options = {"server_side_binding": True, "prepare_threshold": 5}

# unsafe
operations = [
    migrations.AlterField("Order", "total", models.BigIntegerField()),
]

# safe: a change that the catalogue alone takes returns what it has returned before
operations = [
    migrations.AlterField("Order", "note", models.TextField(default="")),
]
