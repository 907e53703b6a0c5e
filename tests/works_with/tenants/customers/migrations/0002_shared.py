from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("customers", "0001_initial")]
    operations = [
        migrations.AlterField("Client", "name", models.CharField(max_length=60, unique=True)),
        migrations.AddField("Client", "parent", models.ForeignKey("customers.Client", models.SET_NULL, null=True)),
    ]
