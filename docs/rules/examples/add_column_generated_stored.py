from django.db import migrations, models

# unsafe
operations = [
    migrations.AddField(
        "Order",
        "total_gross",
        models.GeneratedField(
            expression=models.F("total") * 12 / 10, output_field=models.IntegerField(null=True), db_persist=True
        ),
    ),
]

# safe: an ordinary column, which a trigger or the code fills
operations = [
    migrations.AddField("Order", "total_gross", models.IntegerField(null=True)),
]
