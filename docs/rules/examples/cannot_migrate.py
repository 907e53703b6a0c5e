from django.db import migrations, models

# given: a view that reads the column
statements = ["CREATE VIEW order_notes AS SELECT note FROM shop_order"]

# unsafe
operations = [
    migrations.AlterField("Order", "note", models.CharField(max_length=30, null=True)),
]

# safe: without the view
operations = [
    migrations.RunSQL("DROP VIEW order_notes", "CREATE VIEW order_notes AS SELECT note FROM shop_order"),
]

# then: the change, and the view again
operations = [
    migrations.AlterField("Order", "note", models.CharField(max_length=30, null=True)),
    migrations.RunSQL("CREATE VIEW order_notes AS SELECT note FROM shop_order", "DROP VIEW order_notes"),
]
