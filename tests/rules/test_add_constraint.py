from __future__ import annotations

from django.contrib.postgres.constraints import ExclusionConstraint
from django.db import migrations, models

from tests.commands.judged import check, codes

from .verbs import assert_checked, assert_passes


def positive(name="positive", field="pages"):
    condition = models.Q(**{f"{field}__gt": 0})
    try:
        return models.CheckConstraint(condition=condition, name=name)
    except TypeError:
        return models.CheckConstraint(check=condition, name=name)


def test_check(books):
    assert_checked(books, "ADD_CONSTRAINT", [migrations.AddConstraint("book", positive())], names=('"positive"',))


def test_unique(books):
    unique = models.UniqueConstraint(fields=["title"], name="one_title")
    assert_checked(books, "ADD_CONSTRAINT", [migrations.AddConstraint("book", unique)], names=('"one_title"',))


def test_unique_where_a_condition_holds(books):
    unique = models.UniqueConstraint(fields=["title"], condition=models.Q(pages__gt=5), name="one_title")
    assert_checked(books, "ADD_CONSTRAINT", [migrations.AddConstraint("book", unique)])


def test_unique_of_an_expression(books):
    unique = models.UniqueConstraint(models.functions.Lower("title"), name="one_title")
    assert_checked(books, "ADD_CONSTRAINT", [migrations.AddConstraint("book", unique)])


def test_field_that_becomes_unique(books):
    assert_checked(
        books, "ADD_CONSTRAINT", [migrations.AlterField("book", "title", models.CharField(max_length=20, unique=True))]
    )


def test_field_that_becomes_a_foreign_key(books):
    books.migrate(migrations.AddField("book", "other_id", models.BigIntegerField(null=True)))
    key = models.ForeignKey("shop.book", models.CASCADE, null=True)
    steps = [
        migrations.RenameField("book", "other_id", "other"),
        migrations.AlterField("book", "other", key),
    ]
    books.migrate(migrations.AlterField("book", "other_id", models.BigIntegerField(null=True, db_column="other_id")))
    assert codes(check(books, steps)) == ["ADD_CONSTRAINT"]


def test_exclusion_is_refused_as_well(books):
    pages = ExclusionConstraint(name="apart", expressions=[("pages", "=")], index_type="SPGIST")
    assert set(codes(check(books, [migrations.AddConstraint("book", pages)]))) == {
        "ADD_CONSTRAINT",
        "ADD_CONSTRAINT_EXCLUDE",
    }


def test_field_that_running_code_does_not_know(books):
    key = models.OneToOneField("shop.book", models.CASCADE, null=True)
    added = migrations.AddField("book", "next", key)
    assert_passes(books, [added, migrations.AddField("book", "rank", models.PositiveIntegerField(null=True))])


def test_fields_of_which_one_is_unknown_to_running_code(books):
    added = migrations.AddField("book", "rank", models.IntegerField(null=True))
    unique = models.UniqueConstraint(fields=["title", "rank"], name="one_rank")
    assert_passes(books, [added, migrations.AddConstraint("book", unique)])


def test_running_code_has_a_stricter_one(books):
    books.migrate(migrations.AddConstraint("book", models.UniqueConstraint(fields=["title"], name="one_title")))
    wider = models.UniqueConstraint(fields=["title", "pages"], name="one_edition")
    assert_passes(books, [migrations.AddConstraint("book", wider)])


def test_check_that_changes_is_told_by_its_own_name(books):
    """The new check is made under another name, beside the check that it replaces."""
    books.migrate(migrations.AddConstraint("book", positive()))
    changed = [migrations.RemoveConstraint("book", "positive"), migrations.AddConstraint("book", positive(field="id"))]
    assert_checked(books, "ADD_CONSTRAINT", changed, names=('"positive" is added',))


def test_check_that_gets_another_name(books):
    books.migrate(migrations.AddConstraint("book", positive()))
    renamed = migrations.AddConstraint("book", positive("above_zero"))
    assert_passes(books, [renamed, migrations.RemoveConstraint("book", "positive")])


def test_foreign_key_that_changes_its_kind(books):
    books.migrate(migrations.AddField("book", "next", models.OneToOneField("shop.book", models.CASCADE, null=True)))
    many = migrations.AlterField("book", "next", models.ForeignKey("shop.book", models.CASCADE, null=True))
    assert codes(check(books, [many])) == ["DROP_UNIQUE"]


def test_new_table_that_points_to_one_in_use(books):
    fields = [
        ("id", models.BigAutoField(primary_key=True)),
        ("book", models.ForeignKey("shop.book", models.CASCADE)),
        ("number", models.PositiveIntegerField(unique=True)),
    ]
    assert_passes(books, [migrations.CreateModel("copy", fields)])


def test_index_that_is_not_unique(books):
    assert_passes(books, [migrations.AddIndex("book", models.Index(fields=["title"], name="by_title"))])
