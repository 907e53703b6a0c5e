from django.db import migrations


class Migration(migrations.Migration):
    """What is refused on a table that is in use."""

    dependencies = [("archive", "0004_views")]
    operations = [
        migrations.RenameModel("Item", "Thing"),
        migrations.RenameField("Thing", "labels", "words"),
    ]
