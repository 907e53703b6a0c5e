from django.db import migrations
from shop.models import Order


def forwards(apps, schema_editor):
    apps.get_model("shop", "Order").objects.using(schema_editor.connection.alias).count()


# unsafe
def of_today(apps, schema_editor):
    Order.objects.using(schema_editor.connection.alias).count()


operations = [
    migrations.RunPython(of_today, migrations.RunPython.noop),
]

# safe: the model as it was at this point
operations = [
    migrations.RunPython(forwards, migrations.RunPython.noop),
]
