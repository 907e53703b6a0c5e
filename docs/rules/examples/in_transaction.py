from django.db import migrations, models


# unsafe
def add_index(apps, schema_editor):
    order = apps.get_model("shop", "Order")
    schema_editor.add_index(order, models.Index(fields=["quantity"], name="shop_order_quantity"))


operations = [
    migrations.RunPython(add_index, migrations.RunPython.noop),
]

# safe: as an operation of its own
operations = [
    migrations.AddIndex("Order", models.Index(fields=["quantity"], name="shop_order_quantity")),
]
