"""The errors when something cannot be judged: exit status 2, one line that says why, and no traceback."""

from __future__ import annotations

import json
import os

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from django_zero_downtime_migrations.management.commands.check_migrations import Command
from tests.commands.project import BOOK, SAFE, UNSAFE, Project, Result


def assert_line(result: Result, text: str) -> None:
    assert (result.code, result.out) == (2, "")
    assert text in result.err
    assert "\n" not in result.err


def test_unknown_app(used: Project) -> None:
    assert_line(used.check("shopp"), "No installed app with label 'shopp'.")


def test_app_without_migrations(used: Project) -> None:
    with override_settings(MIGRATION_MODULES={used.app: None}):
        assert_line(used.check(used.app), f"App '{used.app}' has no migrations.")


def test_unknown_migration(used: Project) -> None:
    assert_line(used.check(used.app, "0009"), f"App '{used.app}' has no migration '0009'.")


def test_ambiguous_migration(used: Project) -> None:
    used.add(SAFE)

    assert_line(used.check(used.app, "000"), f"More than one migration of app '{used.app}' begins with '000'")


def test_migration_with_a_syntax_error(used: Project) -> None:
    used.add_text("0002_step", "class Migration(:\n")

    assert_line(used.check(), f"{used.file('0002_step')}:1: SyntaxError: invalid syntax")


def test_migration_that_fails_when_it_is_imported(used: Project) -> None:
    used.add_text("0002_step", "import os\n\nlist(os.nothing)\n")

    assert_line(used.check(), f"{used.file('0002_step')}:3: AttributeError: module 'os' has no attribute 'nothing'")


def test_migration_without_a_class(used: Project) -> None:
    used.add_text("0002_step", "")

    assert_line(used.check(), f"Migration 0002_step in app {used.app} has no Migration class")


def test_two_last_migrations(used: Project) -> None:
    used.add(SAFE, "0002_one")
    used.add(UNSAFE, "0002_two", after="0001_step")

    assert_line(used.check(), f"Several migrations are the last one of their app: 0002_one, 0002_two in {used.app}.")


def test_dependency_that_is_not_there(used: Project) -> None:
    used.add(SAFE, after="0001_gone")

    assert_line(used.check(), "The migrations do not fit together:")


def test_dependencies_in_a_circle(project: Project) -> None:
    project.add(BOOK, "0001_one", after="0002_two")
    project.add(SAFE, "0002_two", after="0001_one")

    assert_line(project.check(), "The migrations do not fit together:")


def test_migration_that_does_not_fit_the_state(used: Project) -> None:
    used.add('[migrations.RemoveField("Shelf", "pages")]')

    place = os.path.join(used.app, "migrations", "0002_step.py")
    assert_line(used.check(), f"{place}:5: migration {used.app}.0002_step cannot be applied to the state before it:")


@pytest.mark.parametrize("option", ["--all", "--without-database"])
def test_migration_that_is_not_judged_and_does_not_fit_the_state(used: Project, option: str) -> None:
    used.add('[migrations.RemoveField("Shelf", "pages")]')
    used.add(SAFE)

    with override_settings(ZERO_DOWNTIME_MIGRATIONS_CHECK_START={used.app: "0003"}):
        assert_line(used.check(option), f"migration {used.app}.0002_step cannot be applied to the state before it:")


def test_database_that_cannot_be_reached(used: Project, make_connection) -> None:
    nowhere = make_connection(name="nowhere", PORT="1")

    assert_line(used.check(database=nowhere.alias), f"The database '{nowhere.alias}' cannot be reached:")


def test_database_that_is_not_there(used: Project, make_connection) -> None:
    nowhere = make_connection(name="nowhere")

    assert_line(used.check(database=nowhere.alias), 'database "nowhere" does not exist')


def test_unknown_database(used: Project) -> None:
    assert_line(used.check(database="nothing"), "The connection 'nothing' doesn't exist.")


def test_database_of_another_engine(used: Project, make_connection) -> None:
    other = make_connection("django.db.backends.sqlite3", name=":memory:")

    assert_line(used.check(database=other.alias), "'django.db.backends.sqlite3': check_migrations asks databases of")


@pytest.mark.parametrize("option", ["--baseline", "--stats-file"])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read: [Errno 2] No such file or directory: 'file.json'."),
        ("{", "in file.json are not JSON: Expecting property name"),
        ("[]", "in file.json are not a JSON object."),
        ("{}", "file.json is not a "),
        (json.dumps({"version": 2, "findings": [], "tables": {}}), "file.json is not a "),
        (json.dumps({"version": 1, "findings": [3], "tables": []}), "file.json is not a "),
    ],
)
def test_file_that_cannot_be_read(used: Project, option: str, text: str | None, said: str) -> None:
    if text is not None:
        (used.folder / "file.json").write_text(text)

    assert_line(used.check(option, "file.json"), said)


@pytest.mark.parametrize("option", ["--output", "--write-baseline", "--write-stats"])
def test_file_that_cannot_be_written(used: Project, option: str) -> None:
    result = used.check(option, "no/such/folder")

    assert_line(result, "no/such/folder cannot be written: ")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--since", "HEAD", "--staged"), "--since and --staged choose different migrations"),
        (("--baseline", "a", "--write-baseline", "b"), "--baseline and --write-baseline exclude each other"),
        (("--write-stats", "a", "--without-database"), "--write-stats asks a database"),
    ],
)
def test_options_that_contradict_each_other(used: Project, options: tuple[str, ...], said: str) -> None:
    assert_line(used.check(*options), said)


def test_start_of_an_unknown_app(used: Project) -> None:
    with override_settings(ZERO_DOWNTIME_MIGRATIONS_CHECK_START={"shopp": "0001"}):
        assert_line(used.check(), "CHECK_START has a start for 'shopp', which is not an app with migrations.")


def test_start_that_is_no_migration(used: Project) -> None:
    with override_settings(ZERO_DOWNTIME_MIGRATIONS_CHECK_START={used.app: "0009"}):
        assert_line(used.check(), f"App '{used.app}' has no migration '0009'.")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CHECK_START", "0001", "is of type str"),
        ("CHECK_START", {"shop": 1}, "are not the label of an app and the name of a migration"),
        ("CHECK_SMALL_TABLE", "10 mb", "is not a size"),
        ("CHECK_SMALL_TABLE", -1, "is negative"),
        ("CHECK_SMALL_TABLE", 1.5, "is of type float"),
    ],
)
def test_setting_that_is_wrong(used: Project, name: str, value: object, said: str) -> None:
    with override_settings(**{f"ZERO_DOWNTIME_MIGRATIONS_{name}": value}):
        assert_line(used.check(), said)


def test_history_that_does_not_fit(used: Project) -> None:
    name = used.add(SAFE)
    used.run(f"INSERT INTO django_migrations (app, name, applied) VALUES ('{used.app}', '0003_step', now())")
    used.add(UNSAFE)

    assert_line(used.check(), f"Migration {used.app}.0003_step is applied before its dependency {used.app}.{name}")


def test_unknown_format(used: Project) -> None:
    with pytest.raises(CommandError, match="invalid choice: 'pdf'"):
        call_command(Command(), "--format", "pdf")


ODD = """
from django.db import migrations


class Odd(migrations.RunSQL):
    reduces_to_sql = True

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(self.sql)


class Migration(migrations.Migration):
    dependencies = [({app!r}, "0001_step")]
    operations = [Odd({sql!r}), migrations.RenameField("Book", "pages", "sheets")]
"""


def test_server_that_goes_away(used: Project) -> None:
    used.add_text("0002_step", ODD.format(app=used.app, sql="SELECT pg_terminate_backend(pg_backend_pid())"))

    result = used.check()

    used.connection.close()
    assert_line(result, "The database stopped answering: ")


def test_operation_that_fails_does_not_hide_the_others(used: Project) -> None:
    used.add_text("0002_step", ODD.format(app=used.app, sql="SELECT * FROM nothing"))

    result = used.check()

    assert (result.code, result.heads) == (1, ["refuse ALTER_TABLE_RENAME_COLUMN"])
    assert "0002_step.py:14: Odd" in result.out
    assert 'it raised ProgrammingError: relation "nothing" does not exist' in result.out


def test_operation_that_asks_a_database_where_there_is_none(used: Project) -> None:
    used.add_text("0002_step", ODD.format(app=used.app, sql="SELECT 1"))

    result = used.check("--without-database")

    assert (result.code, result.heads) == (1, ["refuse ALTER_TABLE_RENAME_COLUMN"])
    assert "it raised NotConnected: check_migrations judges without a database here" in result.out
