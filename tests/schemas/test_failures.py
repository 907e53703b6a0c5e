"""A failure leaves nothing in its own schema and touches nothing in the others."""

from __future__ import annotations

import pytest
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import DatabaseError, models
from django.db.migrations import operations as o
from django.db.models.functions import Cast

from tests.backends.project import APP

from . import runs
from .cases import Case
from .situations import FIRST, IN_SIGHT, OUT_OF_SIGHT, SECOND

EVERYWHERE = pytest.mark.parametrize("situation", [OUT_OF_SIGHT, IN_SIGHT, FIRST, SECOND], ids=str)


def _divided(name: str) -> models.Index:
    return models.Index(Cast("name", models.IntegerField()), name=name)


def to_group(kind: type[models.ForeignKey]) -> models.Field:
    return kind(f"{APP}.Group", models.CASCADE, null=True, db_column="rank", related_name="+")


FAILING = [
    Case("unique", lambda table: [o.AlterField("Item", "name", models.CharField(max_length=10, unique=True))]),
    Case(
        "unique_constraint",
        lambda table: [o.AddConstraint("Item", models.UniqueConstraint(fields=["name"], name="item_failing"))],
    ),
    Case(
        "partial_unique",
        lambda table: [
            o.AddConstraint(
                "Item",
                models.UniqueConstraint(fields=["name"], condition=models.Q(number__gt=2), name="item_failing"),
            )
        ],
    ),
    Case("index", lambda table: [o.AddIndex("Item", _divided("item_failing"))]),
    Case("index_concurrently", lambda table: [AddIndexConcurrently("Item", _divided("item_failing"))], atomic=False),
    Case("not_null", lambda table: [o.AlterField("Item", "note", models.TextField())]),
    Case("one_to_one", lambda table: [o.AlterField("Item", "rank", to_group(models.OneToOneField))]),
    Case("foreign_key", lambda table: [o.AlterField("Item", "rank", to_group(models.ForeignKey))]),
]  # fmt: skip


@pytest.mark.parametrize("case", FAILING, ids=str)
@EVERYWHERE
def test_nothing_is_left_and_no_namesake_is_touched(situation, case, template, make_database):
    names = runs.names_of(case, template, "TRUNCATE b.item CASCADE")
    connection = make_database(situation, names)
    runs.execute(connection, "UPDATE b.item SET name = 'same' WHERE id < 5")
    runs.execute(connection, "UPDATE b.item SET rank = 99 WHERE id = 3")
    before, others = runs.found(connection), runs.untouched(connection)
    with pytest.raises(DatabaseError):
        runs.forwards(connection, case, situation)
    runs.assert_same(before, runs.found(connection))
    runs.assert_same(others, runs.untouched(connection))


@EVERYWHERE
def test_what_was_built_is_taken_back_in_its_own_schema(situation, template, make_database):
    """The index is there and the constraint is not: the last step of the call meets a trigger that says no."""
    case = Case(
        "two",
        lambda table: [o.AlterUniqueTogether("Item", {("other_number", "slug"), ("rank", "slug"), ("rank", "name")})],
    )
    names = runs.names_of(case, template)
    connection = make_database(situation, names)
    runs.execute(
        connection,
        "CREATE FUNCTION public.no() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF current_query() LIKE '%USING INDEX%' THEN RAISE EXCEPTION 'no'; END IF; END $$; "
        "CREATE EVENT TRIGGER no ON ddl_command_start EXECUTE FUNCTION public.no()",
    )
    before, others = runs.found(connection), runs.untouched(connection)
    with pytest.raises(DatabaseError, match="no"):
        runs.forwards(connection, case, situation)
    runs.assert_same(before, runs.found(connection))
    runs.assert_same(others, runs.untouched(connection))
