from __future__ import annotations

import pytest
from django.db import ProgrammingError, migrations, models

from django_zero_downtime_migrations.findings import Severity
from tests.commands.judged import check, check_alone, codes

from .verbs import assert_checked, assert_passes

NOTE = models.CharField(max_length=20, null=True)
ADD = migrations.AddField("book", "note", NOTE)
REMOVE = migrations.RemoveField("book", "note")
ID = ("id", models.BigAutoField(primary_key=True))


def state(*operations, database=()):
    return migrations.SeparateDatabaseAndState(database_operations=list(database), state_operations=list(operations))


def sql(text):
    return migrations.RunSQL(text)


def test_column_that_the_database_does_not_have(books):
    """The new code can read nothing any more."""
    found = assert_checked(books, "STATE_AHEAD", [state(ADD)], names=('"note"', '"shop_book"'))

    assert (found.severity, found.origin.operation) == (Severity.REFUSE, 0)
    with pytest.raises(ProgrammingError, match='column "note" does not exist'):
        books.run("SELECT id, note FROM shop_book")


def test_table_that_the_database_does_not_have(books):
    made = state(migrations.CreateModel("shelf", [ID]))
    assert_checked(books, "STATE_AHEAD", [made], names=('"shop_shelf"',))


def test_table_of_a_many_to_many_field(books):
    many = state(migrations.AddField("book", "others", models.ManyToManyField("shop.book")))
    assert_checked(books, "STATE_AHEAD", [many], names=('"shop_book_others"',))


def test_another_column_for_a_field(books):
    other = state(migrations.AlterField("book", "title", models.CharField(max_length=20, db_column="heading")))
    report = check(books, [other])
    assert "STATE_AHEAD" in codes(report)


def test_column_that_the_same_operation_makes(books):
    assert_passes(books, [state(ADD, database=[ADD])])


def test_column_that_sql_makes(books):
    assert_passes(books, [state(ADD, database=[sql("ALTER TABLE shop_book ADD COLUMN note varchar(20)")])])


def test_column_that_sql_of_an_earlier_migration_has_made(books):
    books.run("ALTER TABLE shop_book ADD COLUMN note varchar(20)")
    assert_passes(books, [state(ADD)])


def test_column_that_sql_of_the_same_deployment_makes_later(books):
    assert_passes(books, [state(ADD)], [sql("ALTER TABLE shop_book ADD COLUMN note varchar(20)")])


def test_column_that_a_function_may_make(books):
    assert_passes(
        books, [state(ADD, database=[sql("DO $$ BEGIN EXECUTE 'ALTER ' || 'TABLE shop_book ADD note text'; END $$")])]
    )


def test_field_that_django_forgets_again(books):
    assert_passes(books, [state(ADD), state(REMOVE)])


def test_column_that_the_deployment_drops(books):
    books.migrate(ADD)
    report = check(books, [REMOVE], [state(ADD)])
    assert "STATE_AHEAD" in codes(report)


def test_column_that_gets_another_name(books):
    named = migrations.RenameField("book", "title", "heading")
    assert codes(check(books, [state(named)])) == ["FORGOTTEN_NOT_NULL", "STATE_AHEAD"]


def test_model_that_another_app_hands_over(books):
    gone = state(migrations.DeleteModel("book"))
    title = models.CharField(max_length=20)
    come = state(migrations.CreateModel("volume", [ID, ("title", title)], {"db_table": "shop_book"}))
    assert_passes(books, [gone, come])
    assert_passes(books, [state(migrations.RenameModel("volume", "book"))])


def test_unmanaged_model_and_proxy(books):
    unmanaged = migrations.CreateModel("report", [ID], {"managed": False, "db_table": "shop_report"})
    proxy = migrations.CreateModel("paperback", [], {"proxy": True}, bases=("shop.book",))
    assert_passes(books, [state(unmanaged, proxy)])


def test_field_of_a_table_that_the_deployment_makes(books):
    assert_passes(
        books,
        [migrations.CreateModel("shelf", [ID])],
        [state(migrations.AddField("shelf", "note", NOTE), database=[migrations.AddField("shelf", "note", NOTE)])],
    )


def test_one_by_one_from_the_models_it_is_not_known(books):
    """SQL of an earlier migration may have made the column."""
    assert codes(check_alone(books, state(ADD))) == []
