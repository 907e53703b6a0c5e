"""Migrations on a database that has no table yet: each in one transaction, as far as its code and SQL allow."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.migrations.operations import (
    AddField,
    AddIndex,
    AlterField,
    RemoveField,
    RenameField,
    RenameModel,
    RunSQL,
    SeparateDatabaseAndState,
)

from tests.operations.case import model

from .chains import char, integer, squashed
from .code import count_again, python, tables
from .scenario import More, scenario


def key() -> models.Field[Any, Any]:
    return models.ForeignKey("app.Thing", models.CASCADE, null=True)


SCENARIOS = [
    scenario(
        "new/tables_that_change",
        [
            *tables(),
            model("Part", thing=key()),
            AddField("thing", "part", models.ForeignKey("app.Part", models.SET_NULL, null=True)),
            AlterField("thing", "name", char(unique=True)),
            RenameField("thing", "a", "b"),
        ],
        RenameModel("Part", "Piece"),
        RemoveField("thing", "part"),
        AddIndex("thing", models.Index(fields=["b"], name="by_b")),
        new=True,
    ),
    scenario(
        "new/code",
        [
            *tables(),
            RunSQL("INSERT INTO app_thing (a) VALUES (1), (2)", RunSQL.noop),
            python(),
            AddField("thing", "b", char(unique=True)),
            model("Part", thing=key()),
            SeparateDatabaseAndState([python(count_again)]),
        ],
        python(),
        AlterField("thing", "a", models.IntegerField(null=True, db_index=True)),
        RunSQL("UPDATE app_thing SET a = a + 1", RunSQL.noop),
        RenameField("thing", "a", "c"),
        new=True,
        random=("id",),
    ),
    scenario(
        "new/not_atomic",
        tables(),
        AddField("thing", "b", char(unique=True)),
        model("Part", thing=key()),
        AlterField("thing", "a", models.IntegerField(null=True, db_index=True)),
        RenameField("thing", "a", "c"),
        RemoveField("thing", "b"),
        new=True,
        atomic=False,
    ),
    scenario(
        "new/several",
        tables(),
        model("Part", thing=key()),
        more=(
            More(
                "0003_more",
                [AddField("part", "thing2", models.OneToOneField("app.Thing", models.CASCADE, related_name="+"))],
            ),
            More("0004_more", [RemoveField("part", "thing"), RenameField("part", "thing2", "thing")]),
        ),
        new=True,
    ),
    scenario(
        "new/squashed", tables(), AddField("thing", "b", integer()), more=squashed(model("Part", thing=key())), new=True
    ),
]
