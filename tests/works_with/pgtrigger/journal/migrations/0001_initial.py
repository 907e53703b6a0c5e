from django.db import migrations, models

ID = ("id", models.BigAutoField(primary_key=True))


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel(
            "Entry",
            [
                ID,
                ("code", models.CharField(max_length=10)),
                ("amount", models.IntegerField(default=0)),
                ("note", models.CharField(max_length=20, null=True)),
            ],
        ),
        migrations.CreateModel("Plain", [ID, ("code", models.CharField(max_length=10))]),
    ]
