"""Examples of what to write instead can be run, and have no such finding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper

from django_zero_downtime_migrations.compat import has_db_default
from tests.backends.project import Shop
from tests.commands.judged import check, codes
from tests.docs.test_rules import Way, shop_for, ways

#: The code inside a function that has not run (in_transaction) is invisible.
UNSAFE = [way for way in ways() if way.kind == "unsafe" and len(way.parts) == 1 and way.name != "in_transaction"]
#: Nothing can be shown for these: they are not done by other operations.
WITHOUT = {
    "add_constraint_exclude",
    "backfill_fires_triggers",
    "cannot_migrate",
    "data_with_schema",
    "drop_unique",
    "no_safe_form",
    "not_additive",
    "not_null_owed",
    "online_type_change",
    "prepared_statements",
    "published_table",
    "removal_owed",
    "rename_owed",
    "run_python_models",
    "run_python_no_reverse",
    "row_type_used",
    "run_sql",
    "set_tablespace",
    "state_ahead",
}


def blocks(example: str, **known: Any) -> list[list[Any]]:
    """Return the operations of each migration in an example.

    :param known: what its author has to put in.
    """
    found, names = [], {"migrations": migrations, "models": models, **known}
    *texts, rest = example.split("]\n\n")
    for text in [*(each + "]" for each in texts), rest]:
        exec(compile(text, "example", "exec"), names)
        found.append(names["operations"])
    return found


@pytest.mark.parametrize("way", UNSAFE, ids=lambda way: f"{way.name}-{way.parts[0].title}")
def test_example_can_be_run(way: Way, make_connection: Callable[..., BaseDatabaseWrapper]) -> None:
    shop = shop_for(way.name, make_connection)
    report = check(shop, way.parts[0].run()["operations"], strict=way.name == "not_additive")
    examples = [entry.example for entry in report.entries if entry.finding.code == way.rule.code]

    assert examples
    for example in examples:
        assert bool(example) == (way.name not in WITHOUT)
        if example:
            assert all(operations for operations in blocks(example, value_of_older_rows=1))


IDENTITY = ("id", models.BigAutoField(primary_key=True))
CASES: dict[str, tuple[Any, str]] = {
    "a column": (migrations.AddField("book", "rank", models.IntegerField(default=1)), "ADD_COLUMN_NOT_NULL"),
    "a text": (migrations.AddField("book", "note", models.TextField(default=str)), "ADD_COLUMN_NOT_NULL"),
    "a field": (migrations.RenameField("book", "pages", "sheets"), "ALTER_TABLE_RENAME_COLUMN"),
    "a model": (migrations.RenameModel("book", "volume"), "ALTER_TABLE_RENAME"),
    "a type": (migrations.AlterField("book", "pages", models.BigIntegerField(null=True)), "ALTER_COLUMN_TYPE"),
}


@pytest.mark.parametrize("name", CASES)
def test_first_step_of_the_example_has_no_such_finding(books: Shop, name: str) -> None:
    operation, code = CASES[name]
    (example,) = [entry.example for entry in check(books, [operation]).entries if entry.finding.code == code]

    first = blocks(example)[0]

    assert code not in codes(check(books, first))
    books.migrate(*first)


@pytest.mark.parametrize("name", ["DeleteModel", "RemoveField"])
def test_forgotten_and_dropped_in_two_releases(books: Shop, name: str) -> None:
    operation = migrations.DeleteModel("book") if name == "DeleteModel" else migrations.RemoveField("book", "pages")
    (entry,) = check(books, [operation]).entries

    for operations in blocks(entry.example):
        assert codes(check(books, operations)) == []
        books.migrate(*operations)

    table = books.run("SELECT attname FROM pg_attribute WHERE attrelid = to_regclass('shop_book') AND attnum > 0")
    assert ("pages",) not in table


def test_default_goes_into_the_database(books: Shop) -> None:
    added = migrations.AddField("book", "rank", models.IntegerField(default=7))
    (entry,) = check(books, [added]).entries

    assert ("db_default=7" in entry.example) == has_db_default
    assert ("null=True" in entry.example) == (not has_db_default)
