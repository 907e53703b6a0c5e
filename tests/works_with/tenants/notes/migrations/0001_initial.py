from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = [("customers", "0001_initial")]
    operations = [
        migrations.CreateModel(
            "Note",
            [("id", models.BigAutoField(primary_key=True)), ("text", models.CharField(max_length=20, unique=True))],
        ),
    ]
