"""ACCEPT on the command line of a project that has the app, so that `migrate` judges its whole plan first."""

from __future__ import annotations

import pytest
from django.db import migrations, models
from django.db.migrations.recorder import MigrationRecorder

from django_zero_downtime_migrations.errors import Unsafe
from django_zero_downtime_migrations.operations import SafetyAssured
from tests.backends.project import Shop

APP = "django_zero_downtime_migrations"
ACCEPT = "ZERO_DOWNTIME_MIGRATIONS_ACCEPT"
REASON = "the shop is closed"
BOOK = migrations.CreateModel(
    "book",
    [("id", models.BigAutoField(primary_key=True)), ("pages", models.IntegerField(null=True))],
)
RENAMED = migrations.RenameField("book", "pages", "sheets")
LONGER = migrations.AlterField("book", "pages", models.BigIntegerField(null=True))
REFUSED = Unsafe.ALTER_TABLE_RENAME_COLUMN.splitlines()[0]
WARNING = "UnsafeOperationWarning"
INSTALLED = pytest.mark.parametrize("installed", [True, False], ids=["whole plan", "call by call"])


@pytest.fixture
def used(site, database):
    """RAISE_FOR_UNSAFE, a log, and a first migration that was applied some time ago."""
    site.settings["INSTALLED_APPS"] = [APP, "shop"]
    site.settings["ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE"] = True
    site.settings["LOGGING"] = {
        "version": 1,
        "handlers": {"console": {"class": "logging.StreamHandler"}},
        "loggers": {APP: {"handlers": ["console"], "level": "INFO"}},
    }
    recorder = MigrationRecorder(database)
    recorder.ensure_schema()
    recorder.record_applied("shop", site.add(BOOK))
    Shop(database).migrate(BOOK)
    return site


def columns(database):
    with database.cursor() as cursor:
        return {column.name for column in database.introspection.get_table_description(cursor, "shop_book")}


@INSTALLED
def test_accepted_migration_is_applied_and_its_reason_is_logged(used, database, installed):
    used.settings["INSTALLED_APPS"] = [APP, "shop"] if installed else ["shop"]
    used.settings[ACCEPT] = {"shop.0002_step": REASON}
    used.add(RENAMED)
    said = used.migrate()
    assert f'ALTER_TABLE_RENAME_COLUMN: "pages" of "shop_book" becomes "sheets" (accepted: {REASON})' in said
    assert WARNING not in said
    assert columns(database) == {"id", "sheets"}


@INSTALLED
def test_only_the_migration_that_is_named_is_accepted(used, database, installed):
    used.settings["INSTALLED_APPS"] = [APP, "shop"] if installed else ["shop"]
    used.settings[ACCEPT] = {"shop.0002_step": REASON}
    used.add(RENAMED)
    used.add(migrations.RenameField("book", "sheets", "leaves"))
    assert REFUSED in used.refused()
    assert columns(database) == ({"id", "pages"} if installed else {"id", "sheets"})


@INSTALLED
@pytest.mark.parametrize("key", ["shop", "shop.0002_step", "shop.0002_step:ALTER_TABLE_RENAME_COLUMN"])
def test_way_back_at_night(used, database, monkeypatch, installed, key):
    used.settings["INSTALLED_APPS"] = [APP, "shop"] if installed else ["shop"]
    used.settings["ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE"] = False
    name = used.add(RENAMED)
    used.migrate()
    used.settings["ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE"] = True
    assert REFUSED in used.refused("migrate", "shop", "0001")
    assert "-- refuse ALTER_TABLE_RENAME_COLUMN: " in used.manage("sqlmigrate", "shop", name, "--backwards").stdout
    monkeypatch.setenv(ACCEPT, f"{key}: {REASON}")
    assert f"(accepted: {REASON})" in used.manage("sqlmigrate", "shop", name, "--backwards").stdout
    assert f"(accepted: {REASON})" in used.migrate("shop", "0001")
    assert columns(database) == {"id", "pages"}


def test_small_table_is_warned_of_before_and_not_refused(used, database):
    del used.settings["ZERO_DOWNTIME_MIGRATIONS_CHECK_SMALL_TABLE"]
    used.add(LONGER)
    said = used.migrate()
    assert said.count(f"{WARNING}: ALTER COLUMN TYPE is unsafe operation") == 1
    assert "[shop.book.pages] (not refused: the table is small)" in said


def test_migrations_are_told_apart_in_one_run(used):
    used.settings["ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE"] = False
    used.settings[ACCEPT] = {"shop.0003_step": REASON}
    used.add(RENAMED)
    used.add(migrations.RenameField("book", "sheets", "leaves"))
    used.add(migrations.RenameField("book", "leaves", "papers"))
    said = used.migrate()
    assert said.count(f"(accepted: {REASON})") == 1
    assert '"sheets" of "shop_book" becomes "leaves" (accepted' in said
    assert said.count(f"{WARNING}: {REFUSED}") == 2


def test_accepted_with_a_journal(used, database):
    used.settings["ZERO_DOWNTIME_MIGRATIONS_IDEMPOTENT_SQL"] = True
    used.settings[ACCEPT] = {"shop.0002_step": REASON}
    used.add(RENAMED)
    used.add(migrations.RenameField("book", "sheets", "leaves"))
    assert REFUSED in used.refused()
    used.migrate("shop", "0002")
    assert columns(database) == {"id", "sheets"}


def test_reason_of_the_migration_itself_counts_more(used):
    used.settings[ACCEPT] = {"shop": "because of the setting"}
    used.add(SafetyAssured([RENAMED], reason=REASON))
    used.add(migrations.RenameField("book", "sheets", "leaves"))
    said = used.manage("sqlmigrate", "shop", "0002").stdout
    assert f'"pages" of "shop_book" becomes "sheets" (accepted: {REASON})' in said
    said = used.manage("sqlmigrate", "shop", "0003").stdout
    assert '"sheets" of "shop_book" becomes "leaves" (accepted: because of the setting)' in said


EDITOR_OF_ITS_OWN = """
from django.db import migrations


def alter(apps, schema_editor):
    book = apps.get_model("shop", "book")
    old = book._meta.get_field("pages")
    new = old.clone()
    new.set_attributes_from_name("sheets")
    new.model = book
    with schema_editor.connection.schema_editor() as editor:
        editor.alter_field(book, old, new)


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("shop", "0001_step")]
    operations = [migrations.RunPython(alter, atomic=False)]
"""


def test_editor_that_python_code_opens_belongs_to_its_migration(used, database):
    used.add_text("0002_own", EDITOR_OF_ITS_OWN)
    assert REFUSED in used.refused()
    used.settings[ACCEPT] = {"shop.0002_own": REASON}
    assert f"(accepted: {REASON})" in used.migrate()
    assert columns(database) == {"id", "sheets"}


SQUASHED = """
from django.db import migrations


class Migration(migrations.Migration):
    replaces = [("shop", "0002_step"), ("shop", "0003_step")]
    dependencies = [("shop", "0001_step")]
    operations = [migrations.RenameField("book", "pages", "leaves")]
"""


def test_squashed_migration_has_a_name_of_its_own(used, database):
    used.add(RENAMED)
    used.add(migrations.RenameField("book", "sheets", "leaves"))
    used.add_text("0002_squashed", SQUASHED)
    used.settings[ACCEPT] = {"shop.0002_step": REASON}
    assert REFUSED in used.refused()
    used.settings[ACCEPT] = {"shop.0002_squashed": REASON}
    used.migrate()
    assert columns(database) == {"id", "leaves"}


@INSTALLED
def test_what_the_server_refuses_cannot_be_accepted(used, database, installed):
    with database.cursor() as cursor:
        cursor.execute("CREATE VIEW readers AS SELECT pages FROM shop_book")
    used.settings["INSTALLED_APPS"] = [APP, "shop"] if installed else ["shop"]
    used.settings[ACCEPT] = {"shop": REASON}
    used.add(SafetyAssured([migrations.RemoveField("book", "pages")], reason=REASON))
    assert '"pages" of "shop_book" cannot be dropped: view readers depends on it' in used.refused()
    used.settings["INSTALLED_APPS"] = [APP, "shop"]
    checked = used.manage("check_migrations")
    assert checked.returncode == 1
    assert "refuse CANNOT_MIGRATE (shop.0002_step" in checked.stdout
    assert "1 refused" in checked.stdout


# Keys that are about nothing

UNKNOWN = {
    "shp": ("no app with migrations is called 'shp'", "Write 'shop'."),
    "shop.0002": ("app 'shop' has no such migration", "Write '0002_step'."),
    "shop.0002_stpe": ("app 'shop' has no such migration", "Write '0002_step'."),
    "shop:ALTER_COLUM_TYPE": ("no rule is called 'ALTER_COLUM_TYPE'", "Write 'ALTER_COLUMN_TYPE'."),
    "shop.0002_step:CANNOT_MIGRATE": ("what the server refuses cannot be accepted", "Do what the message"),
}


@INSTALLED
@pytest.mark.parametrize("key", UNKNOWN)
def test_unknown_key_of_the_setting_stops_migrate(used, database, installed, key):
    used.settings["INSTALLED_APPS"] = [APP, "shop"] if installed else ["shop"]
    used.settings[ACCEPT] = {key: REASON}
    used.add(migrations.AddField("book", "rank", models.IntegerField(null=True)))
    said = used.refused()
    assert "(zero_downtime_migrations.E005) ACCEPT has the key" in said
    for part in (repr(key), *UNKNOWN[key]):
        assert part in said
    assert columns(database) == {"id", "pages"}


@pytest.mark.parametrize("key", UNKNOWN)
def test_unknown_key_of_the_environment_stops_migrate_and_check_migrations(used, database, monkeypatch, key):
    used.add(migrations.AddField("book", "rank", models.IntegerField(null=True)))
    monkeypatch.setenv(ACCEPT, f"{key}: {REASON}")
    said = used.refused()
    assert f"(zero_downtime_migrations.E005) The environment variable {ACCEPT} has the key" in said
    assert all(part in said for part in UNKNOWN[key])
    checked = used.manage("check_migrations")
    assert checked.returncode == 2
    assert all(part in checked.stdout for part in UNKNOWN[key])
    assert columns(database) == {"id", "pages"}


def test_known_keys_pass_the_checks(used):
    used.add(RENAMED)
    used.settings[ACCEPT] = dict.fromkeys(
        ["shop", "shop.0001_step", "shop.0002_step:DROP_COLUMN", "shop:ALTER_COLUMN_TYPE"], REASON
    )
    assert used.manage("check", "--tag", "zero_downtime_migrations").stdout.count("E005") == 0


def test_migrations_that_cannot_be_imported_are_not_the_checks_concern(used):
    used.settings[ACCEPT] = {"shop.0002_step": REASON}
    used.add_text("0002_step", "raise ValueError('odd')\n")
    said = used.manage("check", "--tag", "zero_downtime_migrations")
    assert said.returncode == 0, said.stdout


def test_empty_reason_in_the_environment_stops_migrate(used, database, monkeypatch):
    used.add(RENAMED)
    monkeypatch.setenv(ACCEPT, "shop.0002_step:")
    said = used.refused()
    assert "has no reason for 'shop.0002_step'" in said
    assert columns(database) == {"id", "pages"}
