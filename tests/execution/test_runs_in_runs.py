"""A RunPython that calls ``migrate``: each run has its own plan, tables and journal, and ends by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import migrations, models

from tests.backends.project import Site
from tests.backends.sessions import run

ID = ("id", models.BigAutoField(primary_key=True))
OUTER = """
from django.core.management import call_command
from django.db import connection, migrations, models


def other(apps, schema_editor):
    {call}


class Migration(migrations.Migration):
    atomic = {atomic}
    dependencies = [("shop", "0001_step")]
    operations = [
        migrations.AddField("book", "a", models.IntegerField(null=True)),
        migrations.RunPython(other, atomic={atomic}),
        migrations.AddField("book", "b", models.IntegerField(null=True, db_index=True)),
    ]
"""
INNER = """
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel("page", [("id", models.BigAutoField(primary_key=True))]),
        migrations.RunSQL("{sql}"),
        migrations.AddIndex("page", models.Index(fields=["id"], name="page_id")),
    ]
"""
CALLS = {
    "succeeds": 'call_command("migrate", "other", verbosity=0)',
    "fails and is caught": """try:
        call_command("migrate", "other", verbosity=0)
    except Exception:
        pass""",
}
LEFT = """
SELECT typname::text FROM pg_type WHERE typname LIKE 'zero_downtime_migrations_journal%'
UNION ALL
SELECT 'a turn' FROM pg_locks WHERE locktype = 'advisory' AND database = (
    SELECT oid FROM pg_database WHERE datname = current_database())
"""


@pytest.fixture
def two_apps(site: Site, tmp_path: Path) -> Site:
    site.database["ZERO_DOWNTIME_MIGRATIONS"] = {"IDEMPOTENT_SQL": True}
    site.settings["INSTALLED_APPS"] = ["shop", "other"]
    migrations_of_other = site.folder / "other" / "migrations"
    migrations_of_other.mkdir(parents=True)
    for name in ("__init__.py", "models.py", "migrations/__init__.py"):
        (site.folder / "other" / name).touch()
    site.add(migrations.CreateModel("book", [ID]))
    site.migrate("shop")
    return site


def recorded(database: Any) -> list[tuple[str, str]]:
    return [(app, name) for app, name in run(database, "SELECT app, name FROM django_migrations ORDER BY id")]


@pytest.mark.parametrize("atomic", [True, False])
@pytest.mark.parametrize(("call", "sql"), [("succeeds", "SELECT 1"), ("fails and is caught", "SELECT 1 / 0")])
def test_nothing_of_either_run_is_left(two_apps: Site, database: Any, call: str, sql: str, atomic: bool) -> None:
    if call.startswith("fails") and atomic:
        # The transaction of the RunPython would be broken, as with stock Django.
        sql = "SELECT 1"
    (two_apps.folder / "other" / "migrations" / "0001_initial.py").write_text(INNER.format(sql=sql))
    two_apps.add_text("0002_step", OUTER.format(call=CALLS[call], atomic=atomic))
    two_apps.migrate("shop")
    expected = [("shop", "0001_step"), ("shop", "0002_step")]
    if sql == "SELECT 1":
        expected.insert(1, ("other", "0001_initial"))
    assert recorded(database) == expected
    assert run(database, LEFT) == []
    two_apps.migrate("shop")
