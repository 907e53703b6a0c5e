"""A view with both names of a column is written through by either, and has the rights of its table."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import migrations, models

from django_zero_downtime_migrations.ddl import statements as s
from tests.backends.project import Shop
from tests.backends.sessions import role_without_rights, run

from .seen import record

NOTE = migrations.CreateModel(
    "note", [("id", models.BigAutoField(primary_key=True)), ("remark", models.CharField(max_length=9))]
)
SHOW = s.ShowBoth(sql="", table='"shop_note"', hidden='"shop_note_real"', pairs=(("text", "remark"),))
HIDE = s.ShowNoMore(sql="", table='"shop_note"', hidden='"shop_note_real"')
KIND = "SELECT relkind::text FROM pg_class WHERE relname = 'shop_note'"


@pytest.fixture
def notes(shop: Shop) -> Shop:
    shop.migrate(NOTE)
    return shop


@pytest.mark.parametrize("name", ["text", "remark"])
def test_either_name_is_read_and_written(notes: Shop, name: str) -> None:
    record(notes, "note", SHOW)
    notes.run(f"INSERT INTO shop_note ({name}) VALUES ('made')")
    notes.run(f"UPDATE shop_note SET {name} = 'saved' WHERE {name} = 'made'")
    assert notes.run("SELECT text, remark FROM shop_note") == [("saved", "saved")]
    assert notes.run("SELECT remark FROM shop_note_real") == [("saved",)]


def test_a_role_may_do_with_it_what_it_may_with_the_table(notes: Shop, observer: Any) -> None:
    with role_without_rights(observer) as role:
        notes.run(f"GRANT SELECT ON shop_note TO {role}; GRANT UPDATE (remark) ON shop_note TO {role}")
        record(notes, "note", SHOW)
        may = "SELECT has_table_privilege(%s, 'shop_note', %s)"
        assert run(observer, may, role, "SELECT") == [(True,)]
        assert run(observer, may, role, "INSERT") == [(False,)]
        for column, allowed in (("text", True), ("remark", True), ("id", False)):
            asked = "SELECT has_column_privilege(%s, 'shop_note', %s, 'UPDATE')"
            assert run(observer, asked, role, column) == [(allowed,)]
        record(notes, "note", HIDE)
        notes.run(f"REVOKE ALL ON shop_note FROM {role}")


def test_at_last_the_table_has_its_name_back(notes: Shop) -> None:
    record(notes, "note", SHOW)
    assert notes.run(KIND) == [("v",)]
    record(notes, "note", HIDE)
    assert notes.run(KIND) == [("r",)]
