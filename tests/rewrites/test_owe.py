"""A debt to old code is written by a step that locks no table, after all that the debt is about."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import migrations, models

from django_zero_downtime_migrations.ddl import statements as s
from tests.backends.project import Shop
from tests.operations.observer import Observer

from .seen import held, record

#: A debt is the comment on a type (``execution/owed``), and a type has no table lock.
WRITTEN = "COMMENT ON TYPE debt IS 'note of shop_note'"
TYPE = "CREATE TYPE debt AS ()"
SAID = "SELECT obj_description('debt'::regtype)"


@pytest.fixture
def notes(shop: Shop) -> Shop:
    shop.migrate(migrations.CreateModel("note", [("id", models.BigAutoField(primary_key=True))]))
    shop.run(TYPE)
    return shop


def debt(written: str) -> s.Owe:
    return s.Owe(
        sql="", written=written, table='"shop_note"', tables=('"shop_note"',), column="text", owed_by="shop.1:0"
    )


def test_it_is_written_without_a_lock_on_the_table(notes: Shop) -> None:
    with Observer(notes.connection).installed() as observation:
        record(notes, "note", debt(WRITTEN))
    assert held(observation) == [{}]
    assert [seen.step.locks for seen in observation.steps] == [()]
    assert notes.run(SAID) == [("note of shop_note",)]


def test_what_it_is_about_comes_first(notes: Shop) -> None:
    column = s.AddColumn(
        sql='ALTER TABLE "shop_note" ADD COLUMN "text" integer',
        table='"shop_note"',
        column='"text"',
        definition=("integer",),
    )
    with Observer(notes.connection).installed() as observation:
        record(notes, "note", column, debt(WRITTEN))
    assert [command.tag for seen in observation.steps for command in seen.commands] == ["ALTER TABLE", "COMMENT"]


def test_without_a_text_nothing_is_sent(notes: Shop) -> None:
    with Observer(notes.connection).installed() as observation:
        record(notes, "note", debt(""))
    assert observation.steps == []


def test_it_is_taken_back_and_begun_without_a_lock_as_well(notes: Shop) -> None:
    back: dict[str, Any] = {"table": '"shop_note"', "owed_by": "shop.1:0"}
    with Observer(notes.connection).installed() as observation:
        record(notes, "note", s.BeginToPay(sql="COMMENT ON TYPE debt IS 'due'", **back))
        record(notes, "note", s.OweNoMore(sql="COMMENT ON TYPE debt IS NULL", **back))
    assert held(observation) == [{}, {}]
    assert notes.run(SAID) == [(None,)]
