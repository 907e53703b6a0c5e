"""States in which only a few models become classes give the same statements as Django's, where all do."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import migrations, models
from django.test import override_settings

from benchmarks import generated
from django_zero_downtime_migrations.judging import editor
from django_zero_downtime_migrations.judging.choice.selection import Request, select
from django_zero_downtime_migrations.judging.counted.sizes import Sizes
from django_zero_downtime_migrations.judging.entries import JudgingOptions
from django_zero_downtime_migrations.judging.judge import Judgement
from django_zero_downtime_migrations.operation_facts import Reach
from django_zero_downtime_migrations.states.judged_state import JudgedState
from tests.backends.project import Shop
from tests.commands.judged import APP, Loader, Selection, migration

MODEL = [("id", models.BigAutoField(primary_key=True))]
KEY = models.ForeignKey("shop.author", models.CASCADE, null=True)
#: Histories in which models hang together, by name.
HISTORIES: dict[str, list[Any]] = {
    "a model that others point to gets another name": [
        migrations.CreateModel("author", [*MODEL, ("friends", models.ManyToManyField("shop.author"))]),
        migrations.CreateModel("book", [*MODEL, ("author", KEY)]),
        migrations.CreateModel("shelf", [*MODEL, ("authors", models.ManyToManyField("shop.author"))]),
        migrations.RenameModel("author", "writer"),
        migrations.AddField("book", "second", models.ForeignKey("shop.writer", models.CASCADE, null=True)),
    ],
    "the key of a model that others point to changes": [
        migrations.CreateModel("author", [("id", models.AutoField(primary_key=True))]),
        migrations.CreateModel("book", [*MODEL, ("author", KEY)]),
        migrations.AlterField("author", "id", models.BigAutoField(primary_key=True)),
        migrations.AlterField("book", "author", models.ForeignKey("shop.author", models.CASCADE)),
    ],
    "a unique field that others point to": [
        migrations.CreateModel("author", [*MODEL, ("code", models.CharField(max_length=5, unique=True))]),
        migrations.CreateModel(
            "book", [*MODEL, ("author", models.ForeignKey("shop.author", models.CASCADE, to_field="code"))]
        ),
        migrations.AlterField("author", "code", models.CharField(max_length=9, unique=True)),
        migrations.RenameField("author", "code", "number"),
        migrations.AddField("book", "note", models.TextField(null=True)),
    ],
    "a model with a parent": [
        migrations.CreateModel("author", [*MODEL, ("name", models.CharField(max_length=5))]),
        migrations.CreateModel(
            "poet",
            [
                (
                    "author_ptr",
                    models.OneToOneField(
                        "shop.author", models.CASCADE, parent_link=True, primary_key=True, auto_created=True
                    ),
                ),
                ("verses", models.IntegerField()),
            ],
            bases=("shop.author",),
        ),
        migrations.AddField("poet", "rhymes", models.IntegerField(null=True)),
        migrations.CreateModel("poem", [*MODEL, ("poet", models.ForeignKey("shop.poet", models.CASCADE))]),
        migrations.AlterField("author", "name", models.CharField(max_length=9)),
    ],
    "a proxy": [
        migrations.CreateModel("author", MODEL),
        migrations.CreateModel("admirer", [], {"proxy": True}, bases=("shop.author",)),
        migrations.CreateModel("book", [*MODEL, ("reader", models.ForeignKey("shop.admirer", models.CASCADE))]),
        migrations.AddField("book", "pages", models.IntegerField(null=True)),
    ],
    "a table between two models": [
        migrations.CreateModel("author", MODEL),
        migrations.CreateModel("book", MODEL),
        migrations.CreateModel(
            "role", [*MODEL, ("author", KEY), ("book", models.ForeignKey("shop.book", models.CASCADE))]
        ),
        migrations.AddField("book", "authors", models.ManyToManyField("shop.author", through="shop.role")),
        migrations.AddField("book", "fans", models.ManyToManyField("shop.author", related_name="+")),
        migrations.AlterModelTable("book", "volume"),
        migrations.RemoveField("book", "fans"),
        migrations.DeleteModel("role"),
    ],
    "tables that get another name": [
        migrations.CreateModel("author", MODEL),
        migrations.AlterModelTable("author", "writer"),
        migrations.CreateModel("book", [*MODEL, ("author", KEY)]),
    ],
    "the users of the project, which a setting names": [
        migrations.CreateModel("user", MODEL, {"swappable": "AUTH_USER_MODEL"}),
        migrations.CreateModel("book", [*MODEL, ("owner", models.ForeignKey("shop.user", models.CASCADE))]),
        migrations.AddField("book", "fans", models.ManyToManyField("shop.user", related_name="+")),
        migrations.AlterField("book", "owner", models.OneToOneField("shop.user", models.CASCADE)),
    ],
    "a model that another one takes the place of": [
        migrations.CreateModel("person", MODEL, {"swappable": "AUTH_USER_MODEL"}),
        migrations.CreateModel("user", MODEL, {"swappable": "AUTH_USER_MODEL"}),
        migrations.CreateModel("book", [*MODEL, ("owner", models.ForeignKey("shop.user", models.CASCADE))]),
        migrations.AddField("person", "name", models.TextField(null=True)),
        migrations.CreateModel("card", [*MODEL, ("owner", models.ForeignKey("shop.person", models.CASCADE))]),
        migrations.AddField("card", "text", models.TextField(null=True)),
        migrations.RemoveField("person", "name"),
        migrations.DeleteModel("card"),
    ],
    "state and database apart": [
        migrations.CreateModel("author", [*MODEL, ("name", models.CharField(max_length=5))]),
        migrations.SeparateDatabaseAndState(
            [migrations.AlterField("author", "name", models.CharField(max_length=9, unique=True))],
            [migrations.AlterField("author", "name", models.TextField())],
        ),
        migrations.AlterField("author", "name", models.CharField(max_length=9)),
    ],
}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the statements that the editors were given."""
    statements: list[str] = []
    follow = editor.JudgingMixin._follow

    def recording(self: Any, statement: Any, new: set[str]) -> None:
        statements.append(str(statement.sql))
        follow(self, statement, new)

    monkeypatch.setattr(editor.JudgingMixin, "_follow", recording)
    return statements


def judged_twice(judge: Any, sent: list[str], monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """Return what is sent and found with a few models, and with all."""
    few = judge().entries
    statements = list(sent)
    sent.clear()
    monkeypatch.setattr(editor, "reach", lambda *args: Reach.EVERYTHING)
    every = judge().entries
    assert statements
    return (statements, few), (list(sent), every)


@override_settings(AUTH_USER_MODEL="shop.user")
@pytest.mark.parametrize("name", HISTORIES)
def test_history(name: str, shop: Shop, sent: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    plan = [migration(number, [operation]) for number, operation in enumerate(HISTORIES[name], 1)]
    selection = Selection(Loader(), [], plan, frozenset((APP, each.name) for each in plan), False)

    def judge() -> Any:
        report = Judgement(selection, shop.connection, Sizes(), JudgingOptions()).report("")
        assert report.unanalysed == ()
        return report

    few, every = judged_twice(judge, sent, monkeypatch)

    assert few == every


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    apps = generated.write(tmp_path, apps=2)
    monkeypatch.syspath_prepend(str(tmp_path))
    with override_settings(INSTALLED_APPS=apps):
        yield apps
    for name in [name for name in sys.modules if name.partition(".")[0] in apps]:
        del sys.modules[name]


@pytest.mark.parametrize("pending", [True, False])
def test_made_up_project(
    pending: bool, made_up: list[str], shop: Shop, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def judge() -> Any:
        selection = select(Request(), shop.connection if pending else None)
        assert len(selection.plan) == 60
        return Judgement(selection, shop.connection, Sizes(), JudgingOptions()).report("")

    few, every = judged_twice(judge, sent, monkeypatch)

    assert few == every


def test_state_of_before_is_not_changed() -> None:
    state = JudgedState()
    for operation in HISTORIES["a unique field that others point to"][:2]:
        operation.state_forwards("shop", state)
    before = state.clone()

    migrations.RenameField("author", "code", "number").state_forwards("shop", state)
    migrations.RemoveField("author", "number").state_forwards("shop", state)

    assert [field.name for field in before.apps.get_model("shop", "author")._meta.fields] == ["id", "code"]
    assert before.apps.get_model("shop.book")._meta.get_field("author").target_field.column == "code"
    assert [field.name for field in state.apps.get_model("shop", "author")._meta.fields] == ["id"]


def test_model_stays_the_same_class_while_others_change() -> None:
    state = JudgedState()
    for operation in HISTORIES["a model with a parent"][:1]:
        operation.state_forwards("shop", state)
    before = state.clone()
    migrations.CreateModel("book", [*MODEL, ("author", KEY)]).state_forwards("shop", state)

    assert state.apps.get_model("shop", "author") is before.apps.get_model("shop", "author")


@override_settings(AUTH_USER_MODEL="shop.user")
def test_model_that_points_to_the_users_is_made_without_the_rest_of_the_project(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(JudgedState, "_everything", lambda self: pytest.fail("the whole project is rendered"))
    state = JudgedState()
    for operation in HISTORIES["the users of the project, which a setting names"][:2]:
        operation.state_forwards("shop", state)

    assert state.apps.get_model("shop", "book")._meta.get_field("owner").target_field.column == "id"


def test_unknown_model() -> None:
    with pytest.raises(LookupError, match="shop"):
        JudgedState().apps.get_model("shop", "nothing")
