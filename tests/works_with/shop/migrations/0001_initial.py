from django.db import migrations, models

ID = ("id", models.BigAutoField(primary_key=True))


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel("Author", [ID, ("name", models.CharField(max_length=20))]),
        migrations.CreateModel(
            "Book",
            [
                ID,
                ("title", models.CharField(max_length=20, null=True)),
                ("pages", models.IntegerField(null=True)),
                ("price", models.DecimalField(max_digits=6, decimal_places=2, null=True)),
                ("author", models.ForeignKey("shop.Author", models.CASCADE, null=True)),
            ],
        ),
    ]
