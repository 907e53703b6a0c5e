"""The facts about an operation that is not in the table: the ones of its base class, or the careful answer."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from django_zero_downtime_migrations import operation_facts as known
from django_zero_downtime_migrations.execution.own_code import Operation as Begun
from django_zero_downtime_migrations.execution.own_code import OwnCode
from django_zero_downtime_migrations.migrate_run.run_python_once import once, own_sql
from django_zero_downtime_migrations.operation_facts import Loses, Reach
from django_zero_downtime_migrations.operations import SafetyAssured

NUMBER = models.IntegerField(null=True)
SQL = migrations.RunSQL("SELECT 1")


def work(apps: Any, schema_editor: Any) -> None:
    """Do the work of a RunPython."""


CODE = migrations.RunPython(work)


class Plain(migrations.AddField):
    def describe(self) -> str:
        return "as Django's, with another text"


class OwnWay(migrations.AddField):
    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Anything."""


class OwnState(migrations.AddField):
    def state_forwards(self, app_label: str, state: Any) -> None:
        """Anything."""


class AddField(OwnWay):
    """Not Django's."""


class Keeps(Operation):
    """Keeps others under whatever names."""

    def __init__(self, **kept: Any) -> None:
        vars(self).update(kept)

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Anything."""


class OfItsClass(Keeps):
    operations = (SQL,)


class Foreign:
    """Django runs what has these methods."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Anything."""


@pytest.mark.parametrize(
    ("kind", "reach", "adds", "loses"),
    [
        (migrations.AddField, Reach.MODEL, True, Loses.NOTHING),
        (Plain, Reach.MODEL, True, Loses.NOTHING),
        (OwnWay, Reach.EVERYTHING, False, Loses.NOTHING),
        (OwnState, Reach.MODEL, True, Loses.UNKNOWN),
        (AddField, Reach.EVERYTHING, False, Loses.NOTHING),
    ],
)
def test_class_is_what_it_extends_unless_it_has_methods_of_its_own(
    kind: Any, reach: Reach, adds: bool, loses: Loses
) -> None:
    operation = kind("book", "pages", NUMBER)
    assert known.reach(operation, None, "shop") is reach
    assert known.adds(operation) is adds
    assert known.loses(operation) is loses


def test_field_with_a_default_is_not_only_added() -> None:
    assert not known.adds(migrations.AddField("book", "pages", models.IntegerField(default=1)))


def test_operation_of_the_database_alone() -> None:
    assert known.touches_no_table(TrigramExtension())
    assert not known.touches_no_table(SQL)
    assert not known.touches_no_table(Keeps())


@pytest.mark.parametrize(
    ("operation", "inner"),
    [
        (migrations.SeparateDatabaseAndState([SQL], [Plain("book", "pages", NUMBER)]), [SQL]),
        (migrations.SeparateDatabaseAndState(state_operations=[SQL]), []),
        (SafetyAssured([SQL, CODE], reason="a test"), [SQL, CODE]),
        (Keeps(operations=[SQL], database_operations=(CODE,)), [CODE, SQL]),
        (Keeps(steps=[SQL, "a text", None]), [SQL]),
        (Keeps(before=SQL, after=CODE), [SQL, CODE]),
        (Keeps(state_operations=[SQL]), []),
        (Keeps(operations=7, database_operations="no", steps=[1, 2], nothing=[], kind=Plain), []),
        (OfItsClass(), [SQL]),
        (CODE, []),
    ],
)
def test_inside(operation: Operation, inner: list[Operation]) -> None:
    assert known.inside(operation) == inner


def test_inside_is_what_django_could_run() -> None:
    foreign = Foreign()
    assert known.inside(Keeps(steps=[foreign, Foreign])) == [foreign]


def test_those_of_a_safety_assured_are_run_as_a_migration() -> None:
    assert known.called_inside(SafetyAssured([SQL], reason="a test")) == []
    assert known.called_inside(migrations.SeparateDatabaseAndState([SQL])) == [SQL]
    assert known.called_inside(Keeps(steps=[SQL])) == [SQL]


@pytest.mark.parametrize(
    "kept", [{"operations": [SQL, CODE]}, {"steps": ("a text", CODE), "operations": [CODE]}, {"last": CODE}]
)
def test_code_inside_an_operation_that_nobody_knows_asks_first(kept: dict[str, Any]) -> None:
    operation = Keeps(**kept)
    asking = once(operation)
    for name, value in kept.items():
        assert getattr(operation, name) is value
        before, after = (x if isinstance(x, (list, tuple)) else [x] for x in (value, getattr(asking, name)))
        for old, new in zip(before, after, strict=True):
            assert (old is new) is (old is not CODE)
            assert old is not CODE or new.code is not work


def test_sql_inside_an_operation_that_nobody_knows() -> None:
    assert own_sql(Keeps(first=SQL, steps=[migrations.RunSQL("SELECT 2")])) == ["SELECT 1", "SELECT 2"]


@pytest.mark.parametrize(
    ("operation", "named"),
    [
        (CODE, ["RunPython(work)"]),
        (migrations.SeparateDatabaseAndState([CODE]), ["RunPython(work)"]),
        (SafetyAssured([CODE], reason="a test"), []),
        (Keeps(steps=[CODE]), ["RunPython(work)"]),
        (Keeps(reduces_to_sql=False), ["Keeps"]),
        (Keeps(), []),
        (SQL, []),
    ],
)
def test_work_that_is_seen_nowhere_is_named(operation: Operation, named: list[str]) -> None:
    code = OwnCode("default")
    code.begins(Begun(operation, "shop", backwards=False, atomic=False), None)
    code.begins(None, None)
    assert code.committed(None) == named
