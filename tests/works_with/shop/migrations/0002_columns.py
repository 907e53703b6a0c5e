from django.db import migrations, models


def count(apps, schema_editor):
    books = apps.get_model("shop", "Book").objects.using(schema_editor.connection.alias)
    books.filter(weight=None).update(weight=models.F("id") * 100)


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [
        migrations.AddField("Book", "isbn", models.CharField(max_length=13, null=True, unique=True)),
        migrations.AddField("Book", "weight", models.PositiveIntegerField(null=True)),
        migrations.AddField("Author", "best", models.ForeignKey("shop.Book", models.SET_NULL, null=True)),
        migrations.AlterField("Book", "title", models.CharField(max_length=40, unique=True, null=True)),
        migrations.AlterField("Book", "pages", models.IntegerField(default=3)),
        migrations.RunPython(count, migrations.RunPython.noop),
        migrations.RunSQL("UPDATE shop_author SET name = upper(name)", migrations.RunSQL.noop),
        migrations.AddIndex("Book", models.Index(fields=["pages", "weight"], name="by_size")),
        migrations.AddConstraint("Author", models.UniqueConstraint(fields=["name"], name="one_name")),
    ]
