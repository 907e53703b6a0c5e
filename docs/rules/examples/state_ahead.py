from django.db import migrations, models

# unsafe
operations = [
    migrations.SeparateDatabaseAndState(
        state_operations=[migrations.AddField("Order", "code", models.CharField(max_length=20, null=True))],
    ),
]

# safe: the column comes with the field
operations = [
    migrations.AddField("Order", "code", models.CharField(max_length=20, null=True)),
]

# safe: by SQL of your own
operations = [
    migrations.SeparateDatabaseAndState(
        database_operations=[migrations.RunSQL("ALTER TABLE shop_order ADD COLUMN code varchar(20)")],
        state_operations=[migrations.AddField("Order", "code", models.CharField(max_length=20, null=True))],
    ),
]
