"""The result is the one of stock Django with one schema alone, whatever has the same name in other schemas."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.db import models, transaction
from django.db.migrations import operations as o

from . import runs
from .cases import CASES, WHERE, Case
from .situations import OUT_OF_SIGHT, SECOND

BY_NAME = {case.name: case for case in CASES}
IN_TRANSACTION = [
    (situation, BY_NAME[name])
    for situation in (OUT_OF_SIGHT, SECOND)
    for name in ("remove_index", "rename_index", "unique_off", "index_off", "remove_foreign_key", "unique_together_off")
]


@pytest.mark.parametrize(("situation", "case"), WHERE, ids=str)
def test_same_as_with_one_schema_alone(situation, case, truth_of, make_database):
    expected = truth_of(case)
    connection = make_database(situation, expected.names)
    others = runs.untouched(connection)
    runs.forwards(connection, case, situation)
    runs.assert_same(expected.there, runs.found(connection))
    runs.backwards(connection, case, situation)
    runs.assert_same(expected.back, runs.found(connection))
    runs.assert_same(others, runs.untouched(connection))


@pytest.mark.parametrize(("situation", "case"), IN_TRANSACTION, ids=str)
def test_same_inside_a_transaction(situation, case, truth_of, make_database):
    expected = truth_of(case)
    connection = make_database(situation, expected.names)
    others = runs.untouched(connection)
    with transaction.atomic(connection.alias):
        runs.forwards(connection, case, situation)
    runs.assert_same(expected.there, runs.found(connection))
    runs.assert_same(others, runs.untouched(connection))


@pytest.mark.parametrize("case", [case for case in CASES if not case.makes_table], ids=str)
def test_stock_django_goes_wrong_where_the_name_of_a_case_says_so(case, truth_of, make_database):
    expected = truth_of(case)
    connection = make_database(OUT_OF_SIGHT, expected.names, engine=settings.STOCK_ENGINE)
    others = runs.untouched(connection)
    try:
        runs.forwards(connection, case, OUT_OF_SIGHT)
        there = runs.found(connection)
        runs.backwards(connection, case, OUT_OF_SIGHT)
    except Exception:
        if not case.stock:
            raise
        right = False
    else:
        right = (there, runs.found(connection)) == (expected.there, expected.back)
    assert right == (not case.stock)
    if case.stock == "drops_a_namesake":
        assert runs.untouched(connection) != others


@pytest.mark.parametrize("case", [case for case in CASES if case.makes_table], ids=str)
def test_new_table_comes_into_the_first_schema_as_with_stock_django(case, make_database):
    schemas = []
    for engine in (settings.STOCK_ENGINE, settings.ENGINE):
        connection = make_database(SECOND, engine=engine)
        runs.forwards(connection, case, SECOND)
        there = runs.everything(connection)
        runs.backwards(connection, case, SECOND)
        schemas.append([there, runs.everything(connection)])
    runs.assert_same(*schemas)


def test_index_of_a_table_that_is_made_in_the_same_migration(make_database):
    """The table is not in use yet: Django's statements are sent as they are, except for the schema of the index."""

    def operations(table):
        fields = [("id", models.BigAutoField(primary_key=True)), ("x", models.IntegerField())]
        return [
            o.CreateModel("Made", fields, {"db_table": table("made")}),
            o.AddIndex("Made", models.Index(fields=["x"], name="first_idx")),
            o.AddIndex("Made", models.Index(fields=["id", "x"], name="second_idx")),
            o.RenameIndex("Made", new_name="third_idx", old_name="second_idx"),
            o.RemoveIndex("Made", "first_idx"),
        ]

    case = Case("new_table", operations)
    connection = make_database(OUT_OF_SIGHT, [("index", "first_idx"), ("index", "second_idx")])
    others = runs.untouched(connection)
    runs.forwards(connection, case, OUT_OF_SIGHT)
    names = runs.rows(
        connection, "SELECT indexname FROM pg_indexes WHERE schemaname = 'b' AND tablename = 'made' ORDER BY 1"
    )
    assert [name for (name,) in names] == ["made_pkey", "third_idx"]
    runs.assert_same(others, runs.untouched(connection))
