from django.db import migrations, models

# given: a million orders or more without a quantity
statements = [
    "UPDATE shop_order SET quantity = NULL",
    "ANALYZE shop_order",
    "UPDATE pg_class SET reltuples = 4000000 WHERE oid = 'shop_order'::regclass",
]

# unsafe
operations = [
    migrations.AlterField("Order", "quantity", models.IntegerField(default=1)),
]


# safe: fill first, in batches
def fill_quantity(apps, schema_editor):
    orders = apps.get_model("shop", "Order").objects.using(schema_editor.connection.alias)
    last = orders.aggregate(last=models.Max("pk"))["last"] or 0
    for start in range(0, last + 1, 5000):
        orders.filter(pk__range=(start, start + 4999), quantity=None).update(quantity=1)


operations = [
    migrations.RunPython(fill_quantity, migrations.RunPython.noop, atomic=False),
    migrations.RunSQL("ANALYZE shop_order"),
]

# then: NOT NULL is proved while everybody goes on working
operations = [
    migrations.AlterField("Order", "quantity", models.IntegerField()),
]
