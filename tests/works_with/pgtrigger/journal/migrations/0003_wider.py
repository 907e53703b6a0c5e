from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("journal", "0002_triggers")]
    operations = [
        # The column is in the condition of one trigger.
        migrations.AlterField("Entry", "code", models.CharField(max_length=20, db_index=True)),
        # The column is in the events of the other.
        migrations.AlterField("Entry", "note", models.TextField(null=True)),
        # No trigger.
        migrations.AlterField("Plain", "code", models.CharField(max_length=20, unique=True)),
    ]
