from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("journal", "0003_wider")]
    operations = [migrations.AlterField("Entry", "amount", models.BigIntegerField(default=0))]
