"""The user's own SQL is marked as done in its own transaction and round trip, whatever its text ends with."""

from __future__ import annotations

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.backends.project import Shop, Site

MIGRATION = """from pathlib import Path

from django.db import migrations


def fails_once(apps, schema_editor):
    mark = Path(__file__).with_name("failed")
    if not mark.exists():
        mark.touch()
        raise ValueError("on purpose")


class Migration(migrations.Migration):
    dependencies = []
    operations = [migrations.RunSQL({sql!r}), migrations.RunPython(fails_once)]
"""


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO used VALUES (1)",
        "INSERT INTO used VALUES (1);\n",
        "INSERT INTO used VALUES (1) -- the first",
        "INSERT INTO used VALUES (1); -- the first",
        "INSERT INTO used VALUES (1) /* the first */",
        "INSERT INTO used VALUES (1); UPDATE used SET a = 1",
        "INSERT INTO used VALUES (1); UPDATE used SET a = 1; -- both",
        "INSERT INTO used SELECT length(E'\\';--')",
        "DO $$ BEGIN INSERT INTO used VALUES (1); END $$",
        "LOCK TABLE used; INSERT INTO used VALUES (1)",
        "INSERT INTO used VALUES (1); COMMIT",
    ],
)
def test_own_sql_is_not_sent_again(site: Site, database: BaseDatabaseWrapper, sql: str) -> None:
    shop = Shop(database)
    shop.run("CREATE TABLE used (a integer)")
    site.add_text("0001_step", MIGRATION.format(sql=sql))
    assert "on purpose" in site.refused()
    assert shop.run("SELECT count(*) FROM used") == [(1,)]
    site.migrate()
    assert shop.run("SELECT count(*) FROM used") == [(1,)]
    assert shop.run("SELECT count(*) FROM pg_type WHERE starts_with(typname, 'zero_downtime_migrations_')") == [(0,)]


@pytest.mark.parametrize("sql", ["INSERT INTO used VALUES ('", "INSERT INTO used VALUES (1); UPDATE used SET b = 1"])
def test_error_of_own_sql_is_its_own(site: Site, database: BaseDatabaseWrapper, sql: str) -> None:
    shop = Shop(database)
    shop.run("CREATE TABLE used (a integer)")
    site.add_text("0001_step", MIGRATION.format(sql=sql))
    refused = site.refused()
    assert ("unterminated quoted string" in refused) or ('column "b" of relation "used" does not exist' in refused)
    assert "zero_downtime_migrations_journal" not in refused.partition("The step that failed")[2]
    assert shop.run("SELECT count(*) FROM used") == [(0,)]
