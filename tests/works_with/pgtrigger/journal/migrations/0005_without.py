import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("journal", "0004_rewritten")]
    operations = [
        pgtrigger.migrations.RemoveTrigger(model_name="entry", name="no_negative"),
        migrations.AlterField("Entry", "note", models.TextField(default="")),
    ]
