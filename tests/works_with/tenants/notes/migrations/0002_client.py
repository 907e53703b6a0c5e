from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notes", "0001_initial")]
    operations = [
        # From the schema of each tenant to the one that they share.
        migrations.AddField("Note", "client", models.ForeignKey("customers.Client", models.CASCADE, null=True)),
        migrations.AlterField("Note", "text", models.CharField(max_length=40)),
    ]
