from __future__ import annotations

import pytest
from django.db import IntegrityError, migrations, models

from tests.backends.project import Shop
from tests.commands.judged import check, codes

from .verbs import assert_checked, assert_passes

KEY = models.ForeignKey("shop.book", models.CASCADE, null=True)


def forget(operation):
    return migrations.SeparateDatabaseAndState(state_operations=[operation])


@pytest.fixture
def reviews(books: Shop) -> Shop:
    """A table in use that points to the books."""
    books.migrate(migrations.CreateModel("review", [("id", models.BigAutoField(primary_key=True)), ("book", KEY)]))
    books.run("INSERT INTO shop_review (book_id) SELECT id FROM shop_book")
    return books


def test_key_whose_constraint_stays(reviews):
    """The new code cannot delete the book."""
    assert_checked(
        reviews,
        "FORGOTTEN_FOREIGN_KEY",
        [forget(migrations.RemoveField("review", "book"))],
        names=('"shop_review"', '"shop_book"'),
    )
    with pytest.raises(IntegrityError, match="violates foreign key constraint"):
        reviews.run("DELETE FROM shop_book")


def test_key_without_its_constraint(reviews):
    loose = migrations.AlterField(
        "review", "book", models.ForeignKey("shop.book", models.CASCADE, null=True, db_constraint=False)
    )
    assert_passes(reviews, [loose, forget(migrations.RemoveField("review", "book"))])
    reviews.run("DELETE FROM shop_book")


def test_model_whose_constraint_stays(reviews):
    assert_checked(reviews, "FORGOTTEN_FOREIGN_KEY", [forget(migrations.DeleteModel("review"))], names=("shop_review",))


def test_many_to_many_field(books):
    """Both keys of the table between the two are in the way."""
    books.migrate(migrations.AddField("book", "others", models.ManyToManyField("shop.book")))

    report = check(books, [forget(migrations.RemoveField("book", "others"))])

    assert codes(report) == ["FORGOTTEN_FOREIGN_KEY", "FORGOTTEN_FOREIGN_KEY"]
    assert all('"shop_book_others"' in entry.finding.message for entry in report.entries)


def test_model_that_is_dropped_where_it_is_forgotten(reviews):
    both = migrations.SeparateDatabaseAndState(
        database_operations=[migrations.DeleteModel("review")], state_operations=[migrations.DeleteModel("review")]
    )
    assert codes(check(reviews, [both])) == ["DROP_TABLE"]


def test_model_that_gets_another_name_in_the_state_alone(reviews):
    """Its table keeps its name."""
    named = migrations.AlterModelTable("review", "shop_review")
    assert_passes(reviews, [forget(named), forget(migrations.RenameModel("review", "opinion"))])


def test_key_that_deletes_what_points_to_a_row(reviews):
    """The server does what Django has forgotten to do."""
    [(name,)] = reviews.run(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'shop_review'::regclass AND contype = 'f'"
    )
    reviews.run(f"""ALTER TABLE shop_review DROP CONSTRAINT "{name}", ADD CONSTRAINT "{name}"
                    FOREIGN KEY (book_id) REFERENCES shop_book ON DELETE CASCADE""")
    report = check(reviews, [forget(migrations.RemoveField("review", "book"))])
    assert codes(report) == []


def test_key_of_a_model_that_knows_itself(reviews):
    """Code that does not know a table does not delete from it."""
    reviews.migrate(
        migrations.AddField("review", "answers", models.ForeignKey("shop.review", models.CASCADE, null=True))
    )
    report = check(reviews, [forget(migrations.DeleteModel("review"))])
    assert ['"shop_book"' in entry.finding.message for entry in report.entries] == [True]
