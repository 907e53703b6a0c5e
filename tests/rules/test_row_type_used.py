from __future__ import annotations

import pytest
from django.db import ProgrammingError, migrations, models

from django_zero_downtime_migrations.errors import UnsafeOperationWarning
from django_zero_downtime_migrations.findings import Severity

from .verbs import assert_finding, assert_safe

BIGGER = migrations.AlterField("book", "pages", models.BigIntegerField(null=True))
LONGER = migrations.AlterField("book", "title", models.CharField(max_length=30))
TRIGGER = (
    "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
    "'BEGIN INSERT INTO history SELECT {row}; RETURN NULL; END';"
    "CREATE TRIGGER {name} AFTER DELETE ON shop_book FOR EACH ROW EXECUTE FUNCTION {name}()"
)
USERS = {
    "trigger": TRIGGER.format(name="f", row="OLD.*"),
    "trigger in small letters": TRIGGER.format(name="f", row="(old . *)"),
    "returned": "CREATE FUNCTION f() RETURNS SETOF shop_book LANGUAGE sql AS 'SELECT * FROM shop_book'",
    "taken": "CREATE FUNCTION f(shop_book) RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "taken in an array": "CREATE FUNCTION f(shop_book[]) RETURNS int LANGUAGE sql AS 'SELECT 1'",
}


@pytest.fixture
def history(books, settings):
    settings.ZERO_DOWNTIME_MIGRATIONS_ONLINE_TYPE_CHANGES = True
    books.run("CREATE TABLE history (LIKE shop_book)")
    return books


@pytest.mark.parametrize("sql", USERS.values(), ids=USERS)
def test_function_that_may_go_by_the_order(history, sql):
    history.run(sql)
    names = ('"shop_book"."pages" becomes the last column', "function f(")
    assert_finding(history, "ROW_TYPE_USED", BIGGER, names=names, beside=("ONLINE_TYPE_CHANGE",))


def test_functions_that_name_columns_or_are_of_other_tables(history):
    history.run(TRIGGER.format(name="g", row="OLD.id, OLD.pages, renew.title FROM shop_book renew"))
    history.run("CREATE FUNCTION h() RETURNS SETOF history LANGUAGE sql AS 'SELECT * FROM history'")
    history.run(TRIGGER.format(name="i", row="OLD.*").replace("ON shop_book", "ON history"))
    (found,) = history.migrate(BIGGER).findings
    assert found.code == "ONLINE_TYPE_CHANGE"


def test_change_that_leaves_the_column_where_it_is(history):
    history.run(USERS["returned"])
    assert_safe(history, LONGER)


def test_change_in_place(history, settings):
    settings.ZERO_DOWNTIME_MIGRATIONS_ONLINE_TYPE_CHANGES = False
    history.run(USERS["returned"])
    with pytest.warns(match="ALTER COLUMN TYPE") as warned:
        history.migrate(BIGGER)
    assert [each.message.finding.code for each in warned] == ["ALTER_COLUMN_TYPE"]


def test_what_becomes_of_a_copy_of_rows(history):
    """The trigger fails after the change, since the types of the columns are others by their order."""
    history.run(USERS["trigger"])
    with pytest.warns(UnsafeOperationWarning, match="Another order of columns"):
        found = history.migrate(BIGGER).findings
    assert {each.severity for each in found} == {Severity.NOTE, Severity.WARN}
    with pytest.raises(ProgrammingError, match="is of type"):
        history.run("DELETE FROM shop_book WHERE id = 1")
