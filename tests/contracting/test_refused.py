"""A name that old code still has cannot be taken, and an obstacle to new code stops a removal."""

from __future__ import annotations

import pytest
from django.db import migrations, models

from .conftest import PREFIX, TABLES
from .test_contract import ID, MODEL, NOTE, has_note, remove
from .versions import TYPES, Project

AGAIN = migrations.AddField("order", "note", models.IntegerField(null=True))
NEEDING = {
    "column": [AGAIN],
    "renamed column": [migrations.RenameField("order", "rank", "note")],
    "renamed table": [migrations.AlterModelTable("order", "orders")],
    "renamed model": [migrations.RenameModel("order", "purchase")],
}


@pytest.mark.parametrize("name", NEEDING)
def test_what_needs_the_name_is_refused_before_anything_is_sent(project: Project, name: str) -> None:
    remove(project)
    project.add(migrations.AddField("order", "more", models.IntegerField(null=True)))
    project.add(*NEEDING[name])
    said = project.refused()
    assert f"{ID} owes the removal of column 'note' of \"shop_order\"" in said
    assert "Nothing has been applied" in said
    assert "more" not in project.columns("shop_order")
    assert "CANNOT_MIGRATE" in project.manage("check_migrations").stdout

    assert project.manage("contract", ID, "--now", "release 41 is gone").returncode == 0
    project.migrate()


def test_a_table_that_is_made_again_is_refused(project: Project) -> None:
    remove(project, MODEL)
    project.add(TABLES[1])
    assert f'{ID} owes the removal of table "shop_order", "shop_order_friends"' in project.refused()
    project.settings[f"{PREFIX}_OLD_CODE"] = "absent"
    project.migrate()
    assert project.run("SELECT count(*) FROM shop_order") == [(0,)]


def test_what_comes_again_in_the_same_run_is_refused_as_a_whole(project: Project) -> None:
    project.add(NOTE)
    project.add(AGAIN)
    assert f"{ID} owes the removal" in project.refused()
    assert project.run(TYPES) == []
    project.settings[f"{PREFIX}_OLD_CODE"] = "absent"
    project.migrate()
    assert has_note(project)


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("ALTER TABLE shop_order ADD CONSTRAINT must CHECK (note IS NOT NULL)", "note IS NOT NULL"),
        ("ALTER TABLE shop_order ADD CONSTRAINT must CHECK (coalesce(note, '') <> '')", "COALESCE"),
        ("CREATE UNIQUE INDEX must ON shop_order ((coalesce(note, '')))", "unique index must"),
        (
            "ALTER TABLE shop_customer ADD UNIQUE (name); ALTER TABLE shop_order ADD CONSTRAINT must "
            "FOREIGN KEY (note) REFERENCES shop_customer (name) NOT VALID",
            "foreign key must, which is not of the model",
        ),
    ],
)
def test_what_new_code_cannot_work_with_is_refused_with_its_name(project: Project, sql: str, word: str) -> None:
    project.run(sql)
    project.add(NOTE)
    said = project.refused()
    assert "the new code could not work with it" in said
    assert word in said
    assert project.run(TYPES) == []
    not_null = "SELECT attnotnull FROM pg_attribute WHERE attname = 'note' AND attrelid = 'shop_order'::regclass"
    assert project.run(not_null) == [(True,)]
    project.settings[f"{PREFIX}_OLD_CODE"] = "absent"
    project.migrate()


def test_a_check_that_null_fulfils_stays_until_the_column_goes(project: Project) -> None:
    project.run("ALTER TABLE shop_order ADD CONSTRAINT stays CHECK (note <> 'never' AND rank < 1000)")
    remove(project)
    assert project.run("SELECT count(*) FROM pg_constraint WHERE conname = 'stays'") == [(1,)]


def test_unique_values_of_which_null_is_one_are_refused(project: Project, server_major: int) -> None:
    if server_major < 15:
        # PostgreSQL 14 does not have NULLS NOT DISTINCT.
        return
    project.run("ALTER TABLE shop_order ADD CONSTRAINT must UNIQUE NULLS NOT DISTINCT (note)")
    project.add(NOTE)
    assert "new rows would all have the same value" in project.refused()


def test_a_primary_key_is_refused(project: Project) -> None:
    project.add(migrations.RemoveField("customer", "id"))
    assert "id is the primary key" in project.refused()
