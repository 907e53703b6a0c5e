from django.db import migrations


class Migration(migrations.Migration):
    """Operations that are refused on a table in use."""

    dependencies = [("archive", "0004_views")]
    operations = [
        migrations.RenameModel("Item", "Thing"),
        migrations.RenameField("Thing", "labels", "words"),
    ]
