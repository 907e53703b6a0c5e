from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0002_columns")]
    operations = [
        migrations.CreateModel(
            "Shelf",
            [("id", models.BigAutoField(primary_key=True)), ("books", models.ManyToManyField("shop.Book"))],
        ),
        migrations.AddField("Book", "shelf", models.ForeignKey("shop.Shelf", models.CASCADE, null=True)),
        migrations.AlterField("Book", "author", models.OneToOneField("shop.Author", models.CASCADE, null=True)),
        migrations.AlterField("Author", "name", models.TextField(db_index=True)),
        migrations.RenameIndex("Book", "by_weight", old_name="by_size"),
        migrations.AlterUniqueTogether("Book", {("title", "pages")}),
        migrations.RemoveField("Book", "price"),
        migrations.RemoveField("Author", "best"),
    ]
