"""Migrations with code of their own, which leaves a row each time it runs."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.migrations.operations import (
    AddField,
    AddIndex,
    AlterField,
    RenameField,
    RunPython,
    RunSQL,
    SeparateDatabaseAndState,
)
from django.db.migrations.operations.base import Operation

from django_zero_downtime_migrations.operations.safety_assured import SafetyAssured
from tests.operations.case import model

from .chains import CLOSED, char, integer, squashed
from .scenario import back, scenario


def tables() -> list[Operation]:
    return [model("Thing", a=integer(), name=char()), model("Count", what=models.CharField(max_length=20))]


def count(apps: Any, editor: Any) -> None:
    apps.get_model("app", "Count").objects.using(editor.connection.alias).create(what="once")


def count_again(apps: Any, editor: Any) -> None:
    apps.get_model("app", "Count").objects.using(editor.connection.alias).create(what="again")


def count_back(apps: Any, editor: Any) -> None:
    apps.get_model("app", "Count").objects.using(editor.connection.alias).create(what="back")


def change(apps: Any, editor: Any) -> None:
    """Change rows in the editor's transaction, to which these statements belong."""
    count(apps, editor)
    editor.execute("UPDATE app_thing SET a = a + 1")
    count_again(apps, editor)


def python(code: Any = count) -> RunPython:
    return RunPython(code, count_back)


class Several(Operation):
    """An operation of another package: it runs others, which it keeps under names of its own."""

    reversible = False

    def __init__(self, steps: list[Operation], last: Operation) -> None:
        self.steps = steps
        self.last = last

    def state_forwards(self, app_label: str, state: Any) -> None:
        for each in (*self.steps, self.last):
            each.state_forwards(app_label, state)

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        for each in (*self.steps, self.last):
            state = from_state.clone()
            each.state_forwards(app_label, state)
            each.database_forwards(app_label, schema_editor, from_state, state)
            from_state = state


ATOMIC = scenario(
    "code/between",
    tables(),
    AddField("thing", "b", integer()),
    python(),
    AddIndex("thing", models.Index(fields=["b"], name="by_b")),
    python(count_again),
    RenameField("thing", "b", "c"),
    random=("id",),
)
INSIDE = scenario(
    "code/inside_others",
    tables(),
    SafetyAssured([python(), AddField("thing", "b", integer()), python(count_again)], reason=CLOSED),
    SeparateDatabaseAndState([python(count_again), AlterField("thing", "name", char(unique=True)), python()], []),
    SafetyAssured([SeparateDatabaseAndState([python(change)])], reason=CLOSED),
    random=("id",),
)
# The effect of SQL is counted as well, in a column.
SQL = scenario(
    "code/sql",
    tables(),
    RunSQL("INSERT INTO app_count (what) VALUES ('first')", RunSQL.noop),
    AddField("thing", "b", char(unique=True)),
    RunSQL(["UPDATE app_thing SET a = a + 1", "INSERT INTO app_count (what) VALUES ('second')"], RunSQL.noop),
    SafetyAssured([RunSQL("INSERT INTO app_count (what) VALUES ('third')", RunSQL.noop), python()], reason=CLOSED),
    random=("id",),
)
SCENARIOS = [
    ATOMIC,
    INSIDE,
    SQL,
    back(ATOMIC),
    back(INSIDE),
    scenario(
        "code/inside_an_unknown_one",
        tables(),
        Several([python(), AddField("thing", "b", integer()), python(count_again)], last=python(change)),
        AddIndex("thing", models.Index(fields=["b"], name="by_b")),
        random=("id",),
    ),
    scenario(
        "code/squashed",
        tables(),
        AddField("thing", "b", integer()),
        more=squashed(AlterField("thing", "name", char(unique=True)), python()),
        random=("id",),
    ),
    scenario("code/alone", tables(), python(), random=("id",)),
    scenario(
        "code/in_its_own_transaction", tables(), python(change), AddField("thing", "b", integer()), random=("id",)
    ),
]
#: Without a transaction around it, code may run once more.
NOT_ATOMIC = [
    scenario(
        "code/not_atomic",
        tables(),
        python(),
        AddField("thing", "b", integer()),
        python(count_again),
        AddIndex("thing", models.Index(fields=["b"], name="by_b")),
        random=("id",),
        atomic=False,
    ),
]
