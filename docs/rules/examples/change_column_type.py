from django.db import migrations, models

# unsafe
operations = [
    migrations.AlterField("Order", "total", models.BigIntegerField()),
]

# safe: a new column, which the code writes beside the old one
operations = [
    migrations.AddField("Order", "total_cents", models.BigIntegerField(null=True)),
]


# then: every row is copied in batches, when all code that runs writes both
def copy_total(apps, schema_editor):
    orders = apps.get_model("shop", "Order").objects.using(schema_editor.connection.alias)
    last = orders.aggregate(last=models.Max("pk"))["last"] or 0
    for start in range(0, last + 1, 5000):
        orders.filter(pk__range=(start, start + 4999)).update(total_cents=models.F("total"))


operations = [
    migrations.RunPython(copy_total, migrations.RunPython.noop, atomic=False),
]

# then: NOT NULL is proved while everybody goes on working
operations = [
    migrations.AlterField("Order", "total_cents", models.BigIntegerField()),
]
