from django.db import migrations, models
from psqlextra.fields import HStoreField
from psqlextra.indexes import CaseInsensitiveUniqueIndex, ConditionalUniqueIndex, UniqueIndex


class Migration(migrations.Migration):
    """The package's additions to tables that are not partitioned."""

    dependencies = [("archive", "0001_initial")]
    operations = [
        migrations.AlterField("Item", "name", models.CharField(max_length=40, db_index=True)),
        migrations.AddField("Item", "labels", HStoreField(null=True, uniqueness=["en", ("de", "fr")])),
        migrations.AlterField("Item", "titles", HStoreField(null=True, required=["en"])),
        migrations.AddIndex("Item", UniqueIndex(fields=["name", "id"], name="item_name_id")),
        migrations.AddIndex("Item", CaseInsensitiveUniqueIndex(fields=["name"], name="item_name_ci")),
        migrations.AddIndex("Item", ConditionalUniqueIndex(fields=["name"], condition='"id" > 0', name="item_name_if")),
        migrations.AlterField("Item", "labels", HStoreField(null=True, uniqueness=["en"])),
    ]
