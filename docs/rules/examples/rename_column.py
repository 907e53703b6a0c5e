from django.db import migrations, models

# unsafe
operations = [
    migrations.RenameField("Order", "note", "remark"),
]

# safe: keep the column's name
operations = [
    migrations.AlterField("Order", "note", models.CharField(max_length=20, null=True, db_column="note")),
    migrations.RenameField("Order", "note", "remark"),
]
