from __future__ import annotations

from django.db import migrations, models

from .verbs import assert_checked, assert_passes

REMOVED = migrations.RemoveField("book", "pages")
AGAIN = migrations.AddField("book", "pages", models.IntegerField(null=True))


def test_field_of_the_running_code(books):
    assert_checked(books, "DROP_COLUMN", [REMOVED], names=('"pages"', '"shop_book"'))


def test_field_that_was_forgotten_a_release_ago(books):
    books.migrate(migrations.SeparateDatabaseAndState(state_operations=[REMOVED]))
    assert_passes(books, [migrations.SeparateDatabaseAndState(state_operations=[AGAIN]), REMOVED])


def test_field_that_is_forgotten_in_this_release(books):
    forget = migrations.SeparateDatabaseAndState(state_operations=[REMOVED])
    assert_checked(
        books, "DROP_COLUMN", [forget, migrations.SeparateDatabaseAndState(state_operations=[AGAIN]), REMOVED]
    )


def test_field_that_is_added_and_removed_in_one_deployment(books):
    assert_passes(
        books,
        [migrations.AddField("book", "rank", models.IntegerField(null=True)), migrations.RemoveField("book", "rank")],
    )


def test_field_without_a_column(books):
    many = models.ManyToManyField("shop.book")
    assert_passes(books, [migrations.AddField("book", "others", many), migrations.RemoveField("book", "others")])
