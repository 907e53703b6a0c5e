from django.db import migrations, models
from psqlextra.backend.migrations.operations import (
    PostgresAddListPartition,
    PostgresAddRangePartition,
    PostgresDeleteDefaultPartition,
)


class Migration(migrations.Migration):
    """Partitioned tables that are in use."""

    dependencies = [("archive", "0002_plain")]
    operations = [
        migrations.AddField("Event", "note", models.TextField(null=True)),
        migrations.AddIndex("Event", models.Index(fields=["number"], name="event_number")),
        migrations.AlterField("Event", "text", models.CharField(max_length=40, null=True)),
        migrations.AlterField("Event", "number", models.IntegerField(default=1)),
        migrations.AddField("Event", "item", models.ForeignKey("archive.Item", models.CASCADE, null=True)),
        migrations.AddConstraint("Event", models.UniqueConstraint(fields=["id", "day", "number"], name="event_once")),
        PostgresAddListPartition("Sale", "south", values=["s"]),
        PostgresDeleteDefaultPartition("Event", "rest"),
        PostgresAddRangePartition("Event", "future", from_values="2030-01-01", to_values="2040-01-01"),
    ]
