from __future__ import annotations

from django.db import migrations, models

from .verbs import assert_checked, assert_passes

DELETED = migrations.DeleteModel("book")
AGAIN = migrations.CreateModel("book", [("id", models.BigAutoField(primary_key=True))])


def test_model_of_the_running_code(books):
    assert_checked(books, "DROP_TABLE", [DELETED], names=('"shop_book"',))


def test_model_that_was_forgotten_a_release_ago(books):
    books.migrate(migrations.SeparateDatabaseAndState(state_operations=[DELETED]))
    assert_passes(books, [migrations.SeparateDatabaseAndState(state_operations=[AGAIN]), DELETED])


def test_model_that_is_made_and_deleted_in_one_deployment(shop):
    assert_passes(shop, [AGAIN, DELETED])
