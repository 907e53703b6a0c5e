"""The editor of a run that began on an empty database becomes the one that plans, with all that it knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.backends.project import Site

PLANS = "from django_zero_downtime_migrations.backends.postgres.schema import DatabaseSchemaEditor"
#: Foreign key and index of the book are for the end of the migration, and their tables get other names before.
STEP = """
from django.db import migrations, models

def before(apps, schema_editor):
    {before}

def after(apps, schema_editor):
    {after}

class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel("author", [("id", models.BigAutoField(primary_key=True))]),
        migrations.CreateModel("book", [
            ("id", models.BigAutoField(primary_key=True)),
            ("author", models.ForeignKey("shop.author", models.CASCADE)),
        ]),
        migrations.RunPython(before, migrations.RunPython.noop),
        migrations.RunPython(after, migrations.RunPython.noop),
        migrations.RenameModel("author", "writer"),
        migrations.RenameField("book", "author", "by"),
        migrations.AddField("book", "title", models.CharField(max_length=20, db_index=True, default="")),
    ]
"""
LIGHT = "assert type(schema_editor).__name__ == 'NewDatabaseSchemaEditor'"
WAYS = {
    "a statement of its own": "schema_editor.execute('SELECT 1')",
    "an attribute that only the other has": "assert schema_editor.old_code is None",
    "an attribute that none has": "assert not hasattr(schema_editor, 'nothing_of_the_kind')",
    "its class is imported": PLANS,
}


@pytest.mark.parametrize("way", WAYS)
def test_what_has_to_be_planned(site: Site, way: str) -> None:
    after = f"{PLANS}; assert type(schema_editor) is DatabaseSchemaEditor; assert schema_editor.deferred_sql"
    site.add_text("0001_step", STEP.format(before=f"{LIGHT}; {WAYS[way]}", after=after))
    site.migrate()


def test_settings_of_the_code(site: Site) -> None:
    set_twice = f"{LIGHT}; schema_editor.LOCK_TIMEOUT = '7s'; schema_editor.SHOW_BLOCKING_QUERIES = True"
    after = "assert schema_editor.settings.lock_timeout == 7000; assert schema_editor.SHOW_BLOCKING_QUERIES"
    site.add_text("0001_step", STEP.format(before=f"{set_twice}; schema_editor.execute('SELECT 1')", after=after))
    site.migrate()


def test_the_end_is_that_of_stock_django(
    sites: tuple[Site, Site],
    database: BaseDatabaseWrapper,
    stock_database: BaseDatabaseWrapper,
    dump: Callable[..., Any],
) -> None:
    for site in sites:
        code = "schema_editor.execute('CREATE VIEW authors AS SELECT * FROM shop_author')"
        site.add_text("0001_step", STEP.format(before=code, after="pass"))
        site.migrate()
    assert dump(database) == dump(stock_database)
