"""`migrate` with the app installed looks at all pending migrations before the first statement of the first one."""

from __future__ import annotations

import textwrap

import pytest
from django.db import migrations, models
from django.db.migrations.recorder import MigrationRecorder

from django_zero_downtime_migrations.errors import Unsafe
from django_zero_downtime_migrations.operations import SafetyAssured
from tests.backends.project import Shop

APP = "django_zero_downtime_migrations"
BOOK = migrations.CreateModel(
    "book",
    [("id", models.BigAutoField(primary_key=True)), ("pages", models.IntegerField(null=True))],
)
ADDED = migrations.AddField("book", "rank", models.IntegerField(null=True))
INDEXED = migrations.AddIndex("book", models.Index(fields=["rank"], name="by_rank"))
RENAMED = migrations.RenameField("book", "pages", "sheets")
REFUSED = Unsafe.ALTER_TABLE_RENAME_COLUMN.splitlines()[0]


@pytest.fixture
def used(site, database):
    """A project with the app and RAISE_FOR_UNSAFE, whose first migration was applied some time ago."""
    site.settings["INSTALLED_APPS"] = [APP, "shop"]
    site.settings["ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE"] = True
    recorder = MigrationRecorder(database)
    recorder.ensure_schema()
    recorder.record_applied("shop", site.add(BOOK))
    Shop(database).migrate(BOOK)
    return site


def columns(database):
    with database.cursor() as cursor:
        return {column.name for column in database.introspection.get_table_description(cursor, "shop_book")}


def applied(database):
    return {name for app, name in MigrationRecorder(database).applied_migrations() if app == "shop"}


def test_nothing_is_applied_when_the_last_migration_is_refused(used, database):
    for operation in (ADDED, INDEXED, RENAMED):
        used.add(operation)
    said = used.refused()
    assert REFUSED in said
    assert columns(database) == {"id", "pages"}
    assert applied(database) == {"0001_step"}


def test_refusal_names_the_migration_and_what_to_write(used):
    used.add(ADDED)
    used.add(RENAMED)
    said = used.refused()
    assert "shop.book.sheets, migration shop.0003_step" in said
    assert "Instead: rename the field and keep the column with db_column" in said


def test_operation_on_what_an_earlier_migration_makes_is_not_refused(used, database):
    used.add(ADDED)
    used.add(migrations.CreateModel("shelf", [("id", models.BigAutoField(primary_key=True))]))
    used.add(migrations.RenameModel("shelf", "rack"))
    used.migrate()
    assert "shop_rack" in database.introspection.table_names()


def test_operation_on_a_column_that_an_earlier_migration_makes_is_refused(used, database):
    used.add(ADDED)
    used.add(migrations.AlterField("book", "rank", models.BigIntegerField(null=True)))
    assert Unsafe.ALTER_COLUMN_TYPE.splitlines()[0] in used.refused()
    assert columns(database) == {"id", "pages"}


def test_only_what_is_asked_for_is_judged(used, database):
    first = used.add(ADDED)
    used.add(RENAMED)
    used.migrate("shop", first)
    assert columns(database) == {"id", "pages", "rank"}


def test_assured_migration_is_applied(used, database):
    used.add(ADDED)
    used.add(SafetyAssured([RENAMED], reason="the shop is closed"))
    used.migrate()
    assert columns(database) == {"id", "sheets", "rank"}


def test_fake_goes_through(used, database):
    used.add(ADDED)
    used.add(RENAMED)
    used.migrate("--fake")
    assert applied(database) == {"0001_step", "0002_step", "0003_step"}
    assert columns(database) == {"id", "pages"}


def test_plan_can_be_printed(used, database):
    used.add(RENAMED)
    assert "Rename field pages on book to sheets" in used.migrate("--plan")
    assert columns(database) == {"id", "pages"}


def test_script_can_be_printed(used):
    name = used.add(RENAMED)
    said = used.manage("sqlmigrate", "shop", name)
    assert "-- refuse ALTER_TABLE_RENAME_COLUMN" in said.stdout
    assert said.returncode == 0


def test_fresh_database_is_not_refused(site, database):
    site.settings["INSTALLED_APPS"] = [APP, "shop"]
    site.settings["ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE"] = True
    for operation in (BOOK, ADDED, RENAMED):
        site.add(operation)
    site.migrate()
    assert columns(database) == {"id", "sheets", "rank"}


def test_way_back_that_is_refused(used, database):
    used.add(SafetyAssured([ADDED], reason="fine"))
    used.settings["ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE"] = False
    used.add(RENAMED)
    used.add(INDEXED)
    used.migrate()
    used.settings["ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE"] = True
    said = used.refused("migrate", "shop", "0001")
    assert REFUSED in said
    assert applied(database) == {"0001_step", "0002_step", "0003_step", "0004_step"}
    with database.cursor() as cursor:
        assert "by_rank" in database.introspection.get_constraints(cursor, "shop_book")


def test_way_back_that_is_assured(used, database):
    used.add(SafetyAssured([RENAMED], reason="the shop is closed"))
    used.add(ADDED)
    used.migrate()
    used.migrate("shop", "0001")
    assert columns(database) == {"id", "pages"}


def test_without_the_app_the_refused_operation_stops_before_its_own_first_statement(used, database):
    used.settings["INSTALLED_APPS"] = ["shop"]
    used.add(ADDED)
    used.add(migrations.AlterField("book", "rank", models.IntegerField(default=1)), RENAMED)
    assert REFUSED in used.refused()
    assert columns(database) == {"id", "pages", "rank"}
    assert applied(database) == {"0001_step", "0002_step"}


def test_without_raising_the_plan_is_not_judged(used, database):
    used.settings["ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE"] = False
    used.add(ADDED)
    used.add(RENAMED)
    said = used.migrate()
    assert said.count(f"UnsafeOperationWarning: {REFUSED}") == 1
    assert columns(database) == {"id", "sheets", "rank"}


def test_python_among_the_migrations(used, database):
    used.add_text(
        "0002_fill",
        textwrap.dedent(
            """
            from django.db import migrations


            def fill(apps, schema_editor):
                apps.get_model("shop", "book").objects.create(pages=1)


            class Migration(migrations.Migration):
                dependencies = [("shop", "0001_step")]
                operations = [migrations.RunPython(fill, fill)]
            """
        ),
    )
    used.add(ADDED)
    used.migrate()
    with database.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM shop_book")
        assert cursor.fetchone() == (1,)


ODD = """
from django.db import migrations


class Odd(migrations.RunSQL):
    reduces_to_sql = True

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.collect_sql:
            raise RuntimeError("only for real")
        super().database_forwards(app_label, schema_editor, from_state, to_state)


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_step")]
    operations = [Odd("UPDATE shop_book SET pages = 1")]
"""


def test_plan_that_cannot_be_judged_is_applied_with_a_word(used, database):
    used.add_text("0002_odd", ODD)
    used.add(ADDED)
    said = used.migrate()
    assert "The plan could not be judged as a whole (RuntimeError('only for real'))" in said
    assert columns(database) == {"id", "pages", "rank"}


def test_type_that_changes_after_what_has_not_run_gets_all_that_belongs_to_it(used, database):
    """The server tells what belongs to the column when the column's turn comes."""
    used.settings["ZERO_DOWNTIME_MIGRATIONS_ONLINE_TYPE_CHANGES"] = True
    with database.cursor() as cursor:
        cursor.execute("INSERT INTO shop_book (pages) SELECT generate_series(1, 500)")
    used.add(migrations.AddIndex("book", models.Index(fields=["pages"], name="by_pages")))
    used.add(migrations.AlterField("book", "pages", models.BigIntegerField(null=True)))

    used.migrate()

    with database.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'by_pages'")
        assert cursor.fetchall() == [("CREATE INDEX by_pages ON public.shop_book USING btree (pages)",)]
        cursor.execute("SELECT pg_typeof(pages)::text, count(*) FROM shop_book GROUP BY 1")
        assert cursor.fetchall() == [("bigint", 500)]


def test_plan_that_cannot_be_judged_is_refused_call_by_call(used, database):
    used.add_text("0002_odd", ODD)
    used.add(RENAMED)
    assert REFUSED in used.refused()
    assert applied(database) == {"0001_step", "0002_odd"}


def test_plan_that_cannot_be_carried_out_stops_before_its_first_statement(used, database):
    with database.cursor() as cursor:
        cursor.execute("CREATE VIEW readers AS SELECT pages FROM shop_book")
    used.add(ADDED)
    used.add(migrations.RemoveField("book", "pages"))
    said = used.refused()
    assert 'CannotMigrate: "pages" of "shop_book" cannot be dropped: view readers depends on it' in said
    assert columns(database) == {"id", "pages"}


def test_other_databases_are_none_of_our_business(used, database):
    used.settings["DATABASES"]["other"] = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(used.folder / "other")}
    used.add(ADDED)
    used.add(RENAMED)
    used.migrate("--database", "other")
    assert columns(database) == {"id", "pages"}
