from django.db import migrations, models


# unsafe
class FilledUnique(models.UniqueConstraint):
    def create_sql(self, model, schema_editor):
        return str(super().create_sql(model, schema_editor)) + " WITH (fillfactor = 70)"


operations = [
    migrations.AddConstraint("Order", FilledUnique(fields=["number"], name="order_number_once")),
]

# safe: Django's own
operations = [
    migrations.AddConstraint("Order", models.UniqueConstraint(fields=["number"], name="order_number_once")),
]
