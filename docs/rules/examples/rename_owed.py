from django.db import migrations, models

# given: EXPAND_CONTRACT is on, and others are at work
settings = {"EXPAND_CONTRACT": True}

# unsafe
operations = [
    migrations.RenameField("Order", "note", "remark"),
]

# safe: keep the column's name
operations = [
    migrations.AlterField("Order", "note", models.CharField(max_length=20, null=True, db_column="note")),
    migrations.RenameField("Order", "note", "remark"),
]
