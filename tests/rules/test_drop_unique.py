from __future__ import annotations

import pytest
from django.db import ProgrammingError, migrations, models

from tests.backends.project import Shop

from .verbs import assert_checked, assert_passes

#: What bulk_create() with unique_fields sends.
CODE = "INSERT INTO shop_book (title) VALUES ('new') ON CONFLICT (title) DO NOTHING"
ONCE = models.UniqueConstraint(fields=["pages", "title"], name="once")


def title(**options):
    return migrations.AlterField("book", "title", models.CharField(max_length=20, **options))


@pytest.fixture
def unique(books: Shop) -> Shop:
    books.migrate(title(unique=True))
    return books


def test_column_that_is_unique_no_more(unique):
    unique.run(CODE)
    assert_checked(unique, "DROP_UNIQUE", [title()], names=('"shop_book"', "title"))
    with pytest.raises(ProgrammingError, match="no unique or exclusion constraint matching the ON CONFLICT"):
        unique.run(CODE)


def test_constraint(books):
    books.migrate(migrations.AddConstraint("book", ONCE))
    assert_checked(books, "DROP_UNIQUE", [migrations.RemoveConstraint("book", "once")], names=('"once"',))


def test_together(books):
    books.migrate(migrations.AlterUniqueTogether("book", {("pages", "title")}))
    assert_checked(books, "DROP_UNIQUE", [migrations.AlterUniqueTogether("book", set())])


def test_one_that_another_takes_the_place_of(books):
    """This happens when unique_together becomes a constraint."""
    books.migrate(migrations.AlterUniqueTogether("book", {("pages", "title")}))
    assert_passes(books, [migrations.AlterUniqueTogether("book", set()), migrations.AddConstraint("book", ONCE)])


def test_one_that_the_code_before_does_not_know(books):
    made = migrations.AddConstraint("book", ONCE)
    books.migrate(migrations.SeparateDatabaseAndState([made], []))
    again = migrations.SeparateDatabaseAndState([], [migrations.AddConstraint("book", ONCE)])
    assert_passes(books, [again, migrations.RemoveConstraint("book", "once")])


def test_index_that_is_not_unique(books):
    books.migrate(migrations.AddIndex("book", models.Index(fields=["pages"], name="by_pages")))
    assert_passes(books, [migrations.RemoveIndex("book", "by_pages")])


def test_column_that_goes_with_it(unique):
    """The column is what matters."""
    assert_checked(unique, "DROP_COLUMN", [migrations.RemoveField("book", "title")])
