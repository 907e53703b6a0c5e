from django.db import migrations, models
from psqlextra.backend.migrations.operations import PostgresCreateMaterializedViewModel, PostgresCreateViewModel
from psqlextra.models import PostgresMaterializedViewModel, PostgresViewModel


class Migration(migrations.Migration):
    dependencies = [("archive", "0003_partitions")]
    operations = [
        PostgresCreateViewModel(
            "Recent",
            fields=[("id", models.IntegerField(primary_key=True))],
            bases=(PostgresViewModel,),
            view_options={"query": ("SELECT id FROM archive_event WHERE day > %s", ("2024-06-01",))},
        ),
        PostgresCreateMaterializedViewModel(
            "Counted",
            fields=[("id", models.IntegerField(primary_key=True))],
            bases=(PostgresMaterializedViewModel,),
            view_options={"query": ("SELECT count(*)::integer AS id FROM archive_event", ())},
        ),
    ]
