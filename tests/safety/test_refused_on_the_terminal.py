"""The terminal after a refused `manage.py migrate`: both streams and the exit status of a real process."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
from django.db import migrations, models
from django.db.migrations.recorder import MigrationRecorder

from django_zero_downtime_migrations.errors import Unsafe
from tests.backends.project import Shop, Site

APP = "django_zero_downtime_migrations"
ID = ("id", models.BigAutoField(primary_key=True))
BOOK = migrations.CreateModel("book", [ID, ("pages", models.IntegerField(null=True))])
ADDED = migrations.AddField("book", "rank", models.IntegerField(null=True))
RENAMED = migrations.RenameField("book", "pages", "sheets")
LONGER = migrations.AlterField("book", "pages", models.BigIntegerField(null=True))


@pytest.fixture
def used(site: Site, database: Any) -> Site:
    site.settings["INSTALLED_APPS"] = [APP, "shop"]
    site.settings["ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE"] = True
    site.settings["ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT"] = "2s"
    recorder = MigrationRecorder(database)
    recorder.ensure_schema()
    recorder.record_applied("shop", site.add(BOOK))
    Shop(database).migrate(BOOK)
    return site


def ran(site: Site, *arguments: str) -> tuple[int, str, str]:
    process = site.start(*(arguments or ("migrate",)), stderr=subprocess.PIPE)
    out, err = process.communicate()
    return process.returncode, out, err


def line_of(site: Site, name: str, text: str) -> str:
    lines = (site.folder / "shop" / "migrations" / f"{name}.py").read_text().splitlines()
    (number,) = [number for number, line in enumerate(lines, 1) if text in line]
    return f"shop/migrations/{name}.py:{number}"


def test_every_refused_operation_is_named_with_its_place_and_nothing_else(used: Site) -> None:
    first = used.add(ADDED, LONGER)
    used.add(migrations.AddField("book", "note", models.TextField(null=True)))
    last = used.add(RENAMED)
    status, out, err = ran(used)
    assert status == 1
    assert out.splitlines()[-1] == f"  Applying shop.{first}... refused"
    said = err.splitlines()
    assert said[0] == f"UnsafeOperationException: {Unsafe.ALTER_COLUMN_TYPE.splitlines()[0]}"
    assert said[2] == "Nothing has been applied. 2 operations are refused:"
    assert f"{line_of(used, first, 'AlterField(')}: AlterField (shop.{first})" in said
    assert f"{line_of(used, last, 'RenameField(')}: RenameField (shop.{last})" in said
    assert "    ALTER_TABLE_RENAME_COLUMN: " in err
    assert "    Instead: rename the field and keep the column with db_column" in err
    assert "check_migrations" in said[-1] and "SafetyAssured(" in said[-1] and "ACCEPT" in said[-1]
    assert "0003" not in err
    assert "Traceback" not in err


def test_traceback_is_shown_when_it_is_asked_for(used: Site) -> None:
    used.add(RENAMED)
    status, _, err = ran(used, "migrate", "--traceback")
    assert status == 1
    assert "Traceback (most recent call last):" in err
    assert "UnsafeOperationException: " in err
    assert "Nothing has been applied. 1 operation is refused:" in err


def test_way_back_is_refused_with_the_place_of_the_operation(used: Site) -> None:
    used.settings["ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE"] = False
    name = used.add(ADDED, RENAMED)
    used.migrate()
    used.settings["ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE"] = True
    status, out, err = ran(used, "migrate", "shop", "0001")
    assert status == 1
    assert out.splitlines()[-1] == f"  Unapplying shop.{name}... refused"
    assert f"{line_of(used, name, 'RenameField(')}: RenameField (shop.{name})" in err.splitlines()
    assert "Traceback" not in err


def test_operation_after_code_and_inside_another_one(used: Site) -> None:
    """Code is left out where nothing is sent, and still counts among the operations."""
    code = migrations.RunPython(migrations.RunPython.noop, migrations.RunPython.noop)
    name = used.add(code, migrations.SeparateDatabaseAndState(database_operations=[ADDED, LONGER]))
    status, _, err = ran(used)
    assert status == 1
    assert f"{line_of(used, name, 'AlterField(')}: AlterField (shop.{name})" in err.splitlines()


@pytest.mark.parametrize("raises", [True, False])
def test_what_the_server_would_refuse_stops_the_plan_before_its_first_statement(
    used: Site, database: Any, raises: bool
) -> None:
    used.settings["ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE"] = raises
    with database.cursor() as cursor:
        cursor.execute("CREATE VIEW readers AS SELECT pages FROM shop_book")
    first = used.add(ADDED)
    last = used.add(migrations.RemoveField("book", "pages"))
    status, out, err = ran(used)
    assert status == 1
    assert out.splitlines()[-1] == f"  Applying shop.{first}... refused"
    said = err.splitlines()
    assert said[0].startswith('CannotMigrate: "pages" of "shop_book" cannot be dropped: view readers depends on it')
    assert f"{line_of(used, last, 'RemoveField(')}: RemoveField (shop.{last})" in said
    assert "Nothing has been applied. 1 operation is refused:" in said
    assert "Traceback" not in err
    assert "rank" not in [column.name for column in described(database)]


def described(database: Any) -> Any:
    with database.cursor() as cursor:
        return database.introspection.get_table_description(cursor, "shop_book")


def test_what_the_server_would_refuse_can_be_faked(used: Site, database: Any) -> None:
    with database.cursor() as cursor:
        cursor.execute("CREATE VIEW readers AS SELECT pages FROM shop_book")
    used.add(migrations.RemoveField("book", "pages"))
    used.migrate("--fake")


CALLER = """
import django
django.setup()
from django.core.management import CommandError, call_command
from django.db import NotSupportedError
from django_zero_downtime_migrations.backends.postgres.schema import Unsafe, UnsafeOperationException
try:
    call_command("migrate", verbosity=0)
except UnsafeOperationException as error:
    assert isinstance(error, CommandError)
    assert str(error) == Unsafe.ALTER_COLUMN_TYPE == error.finding.text, str(error)
    assert [x.code for x in error.findings] == ["ALTER_COLUMN_TYPE", "ALTER_TABLE_RENAME_COLUMN"]
    assert [x.origin.migration for x in error.findings] == ["0002_step", "0003_step"]
    assert int(error.returncode.__index__()) == 1
    print("caught")
"""


def test_caller_of_the_command_catches_what_it_caught_before(used: Site) -> None:
    used.add(LONGER)
    used.add(RENAMED)
    (used.folder / "caller.py").write_text(CALLER)
    process = used.start("shell", "-c", "import runpy; runpy.run_path('caller.py')", stderr=subprocess.PIPE)
    out, err = process.communicate()
    assert (process.returncode, out.splitlines()[-1:]) == (0, ["caught"]), err
    assert "Nothing has been applied" not in out + err


def test_without_the_app_a_refused_operation_says_that_it_has_sent_nothing(used: Site) -> None:
    used.settings["INSTALLED_APPS"] = ["shop"]
    used.add(ADDED)
    used.add(RENAMED)
    status, _, err = ran(used)
    assert status == 1
    assert err.splitlines()[0].startswith("UnsafeOperationException: ")
    assert 'Not sent: ALTER TABLE "shop_book" RENAME COLUMN "pages" TO "sheets"' in err
    assert "Traceback" not in err
