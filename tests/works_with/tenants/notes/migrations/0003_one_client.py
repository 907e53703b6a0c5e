from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notes", "0002_client")]
    operations = [
        migrations.AlterField("Note", "client", models.OneToOneField("customers.Client", models.CASCADE, null=True)),
    ]
