from django.db import migrations


def forwards(apps, schema_editor):
    apps.get_model("shop", "Order").objects.using(schema_editor.connection.alias).count()


# unsafe
operations = [
    migrations.RunPython(forwards),
]

# safe: nothing has to be undone
operations = [
    migrations.RunPython(forwards, migrations.RunPython.noop),
]
