"""ALTER COLUMN is not sent where the catalogue has it so already: the server would take its lock nevertheless."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import migrations, models

from django_zero_downtime_migrations.ddl.template import Template
from django_zero_downtime_migrations.locks import LockMode
from tests.backends.project import Shop
from tests.backends.sessions import run

from .seen import strongest

TABLE = "CREATE TABLE thing (c varchar(10), n integer)"
#: Each changes nothing.
NO_OPS = [
    "ALTER c TYPE varchar(10)",
    "ALTER c DROP NOT NULL",
    "ALTER c DROP DEFAULT",
    "ALTER c DROP IDENTITY IF EXISTS",
]
TEMPLATES = {
    "not null": ("sql_alter_column_null", "ALTER COLUMN %(column)s DROP NOT NULL"),
    "default": ("sql_alter_column_no_default", "ALTER COLUMN %(column)s DROP DEFAULT"),
}


@pytest.fixture
def notes(shop: Shop) -> Shop:
    shop.migrate(
        migrations.CreateModel(
            "note",
            [("id", models.BigAutoField(primary_key=True)), ("text", models.CharField(max_length=10, null=True))],
        )
    )
    return shop


@pytest.mark.parametrize("change", NO_OPS)
def test_the_server_takes_access_exclusive_for_nothing(open_session: Any, change: str) -> None:
    session = open_session()
    run(session, TABLE)
    session.commit()
    run(session, f"ALTER TABLE thing {change}")
    assert strongest(session, "thing") is LockMode.ACCESS_EXCLUSIVE


@pytest.mark.parametrize(("name", "text"), TEMPLATES.values(), ids=TEMPLATES)
def test_what_is_so_already_is_not_sent(notes: Shop, name: str, text: str) -> None:
    change = Template(text, name) % {"column": '"text"'}
    with notes.connection.schema_editor(collect_sql=True) as editor:
        editor.execute(editor.sql_alter_column % {"table": '"shop_note"', "changes": change}, None)
    assert editor.collected_sql == []


def test_a_type_that_the_column_has_already_is_not_sent(notes: Shop) -> None:
    notes.run("ALTER TABLE shop_note ALTER COLUMN text TYPE varchar(20)")
    longer = migrations.AlterField("note", "text", models.CharField(max_length=20, null=True))
    assert not any("ALTER COLUMN" in line for line in notes.collected(longer))


def test_a_type_that_differs_in_the_catalogue_alone_is_one_short_step(notes: Shop, watch: Any) -> None:
    [seen] = watch(migrations.AlterField("note", "text", models.TextField(null=True))).steps
    assert set(seen.held().values()) == {LockMode.ACCESS_EXCLUSIVE}
    assert [work for command in seen.commands for work in seen.work(set(command.before))] == []
