from django.db import migrations, models


# unsafe
def fill_code(apps, schema_editor):
    orders = apps.get_model("shop", "Order").objects.using(schema_editor.connection.alias)
    orders.filter(code=None).update(code=models.F("number"))


operations = [
    migrations.AddField("Order", "code", models.CharField(max_length=20, null=True)),
    migrations.RunPython(fill_code, migrations.RunPython.noop),
]

# safe: the column
operations = [
    migrations.AddField("Order", "code", models.CharField(max_length=20, null=True)),
]


# then: the rows
def fill_code(apps, schema_editor):
    orders = apps.get_model("shop", "Order").objects.using(schema_editor.connection.alias)
    orders.filter(code=None).update(code=models.F("number"))


operations = [
    migrations.RunPython(fill_code, migrations.RunPython.noop),
]
