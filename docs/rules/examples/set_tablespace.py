from django.db import migrations, models


# unsafe
class MoveTable(migrations.operations.base.Operation):
    def state_forwards(self, app_label, state):
        pass

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        schema_editor.alter_db_tablespace(to_state.apps.get_model(app_label, "Order"), "", "pg_default")


operations = [MoveTable()]

# safe: a new table where it belongs
operations = [
    migrations.CreateModel(
        "Invoice", [("id", models.BigAutoField(primary_key=True))], options={"db_tablespace": "pg_default"}
    ),
]
