"""The command: what it judges, what it prints, and its exit status."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings

from django_zero_downtime_migrations.judging.connect import default_alias
from django_zero_downtime_migrations.management.commands.check_migrations import Command
from tests.commands.project import BOOK, SAFE, UNSAFE, Project

RENAME = "refuse ALTER_TABLE_RENAME_COLUMN"


def test_nothing_pending(used: Project) -> None:
    assert used.check() == (0, "0 migrations judged: 0 refused, 0 warnings, 0 notes.\n", "")


def test_safe_migration(used: Project) -> None:
    used.add(SAFE)

    assert used.check() == (0, "1 migration judged: 0 refused, 0 warnings, 0 notes.\n", "")


def test_unsafe_migration(used: Project) -> None:
    used.add(UNSAFE)

    result = used.check()

    assert (result.code, result.heads) == (1, [RENAME])
    lines = result.out.splitlines()
    place = f"{used.app}/migrations/0002_step.py:7"
    assert lines[0] == f"{place}: {RENAME} ({used.app}.0002_step, RenameField Book.sheets)"
    assert f'    "pages" of "{used.app}_book" becomes "sheets"' in lines
    assert any(line.startswith("    Instead: rename the field and keep the column with db_column") for line in lines)
    assert lines[-1] == "1 migration judged: 1 refused, 0 warnings, 0 notes."


def test_example_can_be_pasted(used: Project) -> None:
    used.add(UNSAFE)
    lines = used.check().out.splitlines()
    start, end = lines.index("        operations = ["), lines.index("        ]")
    example = "\n".join(line[8:] for line in lines[start : end + 1])

    used.names.pop()
    used.add(example.partition("operations = ")[2])

    assert used.check().code == 0


def test_several_migrations_are_judged_one_upon_the_other(used: Project) -> None:
    used.add('[migrations.AddField("Book", "rank", models.IntegerField(null=True))]')
    used.add('[migrations.AlterField("Book", "rank", models.BigIntegerField(null=True))]')
    used.add('[migrations.RenameField("Book", "rank", "place")]')

    with override_settings(ZERO_DOWNTIME_MIGRATIONS_CHECK_SMALL_TABLE=0):
        assert used.check().heads == [
            "refuse ALTER_COLUMN_TYPE",
            "note SAME_TABLE_TWICE",
            RENAME,
            "note SAME_TABLE_TWICE",
        ]


def test_table_of_the_same_run_is_new(project: Project) -> None:
    project.add(BOOK)
    project.add(UNSAFE)
    project.add('[migrations.AlterField("Book", "sheets", models.BigIntegerField())]')

    assert project.check() == (0, "3 migrations judged: 0 refused, 0 warnings, 0 notes.\n", "")


def test_nothing_is_changed(used: Project) -> None:
    used.add(SAFE)
    used.add(UNSAFE)
    columns = f"SELECT attname FROM pg_attribute WHERE attrelid = '{used.app}_book'::regclass AND attnum > 0 ORDER BY 1"
    before = used.run(columns)

    used.check()

    assert used.run(columns) == before


# Which migrations


def test_one_app(used: Project) -> None:
    used.add(UNSAFE)

    assert used.check(used.app).heads == [RENAME]


def test_one_migration(used: Project) -> None:
    used.add(UNSAFE)
    used.add('[migrations.RenameField("Book", "sheets", "leaves")]')

    result = used.check(used.app, "0003")

    assert f"({used.app}.0003_step, " in result.out
    assert result.heads == [RENAME]
    assert "1 migration judged" in result.out


def test_one_migration_that_is_applied(used: Project) -> None:
    used.migrate(used.add(UNSAFE))
    used.add(SAFE)

    assert used.check(used.app, "0002").heads == [RENAME]
    assert used.check().heads == []


def test_applied_migrations_too(used: Project) -> None:
    used.migrate(used.add(UNSAFE))
    used.add('[migrations.RenameField("Book", "sheets", "leaves")]')

    result = used.check("--all")

    assert result.heads == [RENAME, RENAME]
    assert "3 migrations judged" in result.out


def test_each_applied_migration_is_judged_on_the_tables_before_it(used: Project) -> None:
    # The database has NOT NULL and the name by now; the migrations are judged as if it had not.
    used.migrate(used.add('[migrations.AlterField("Book", "pages", models.IntegerField(default=1))]'))
    used.migrate(used.add('[migrations.RenameModel("Book", "Volume")]'))

    assert used.check("--all").heads == ["warn SET_NOT_NULL", "refuse ALTER_TABLE_RENAME"]


def test_new_table_is_in_use_in_the_next_migration_when_all_are_judged(used: Project) -> None:
    used.add('[migrations.CreateModel("Shelf", [("id", models.BigAutoField(primary_key=True))])]')
    used.add('[migrations.RenameModel("Shelf", "Rack")]')

    assert used.check().heads == []
    assert used.check("--all").heads == ["refuse ALTER_TABLE_RENAME"]


def test_app_is_judged_from_its_start_on(used: Project) -> None:
    used.add(UNSAFE)
    used.add('[migrations.RenameField("Book", "sheets", "leaves")]')

    with override_settings(ZERO_DOWNTIME_MIGRATIONS_CHECK_START={used.app: "0003_step"}):
        result = used.check("--all")

    assert "1 migration judged: 1 refused" in result.out
    assert f"{used.app}.0003_step" in result.out


def test_accepted_migration_passes(used: Project) -> None:
    used.add('[SafetyAssured([migrations.RenameField("Book", "pages", "sheets")], reason="nobody reads it")]')

    result = used.check()

    assert (result.code, result.heads) == (0, ["accepted refuse ALTER_TABLE_RENAME_COLUMN"])
    assert "    Accepted: nobody reads it\n" in result.out
    assert "0 refused, 0 warnings, 0 notes, 1 accepted." in result.out


def test_assurance_that_nothing_needs_is_reported(used: Project) -> None:
    used.add(
        '[\n    SafetyAssured([migrations.AddField("Book", "a", models.IntegerField(null=True))], reason="why not"),\n]'
    )

    result = used.check()

    assert result.code == 0
    assert f"    {used.app}/migrations/0002_step.py:8: why not ({used.app}.0002_step)\n" in result.out


def test_assurance_around_python_is_needed(used: Project) -> None:
    used.add(f'[SafetyAssured({PYTHON}, reason="it does nothing")]')

    assert used.check() == (0, "1 migration judged: 0 refused, 0 warnings, 0 notes.\n", "")


# What the settings accept


def accepting(used: Project, key: str) -> Any:
    return override_settings(ZERO_DOWNTIME_MIGRATIONS_ACCEPT={key.format(app=used.app): "the shop is closed"})


def test_finding_that_a_setting_accepts_passes(used: Project) -> None:
    used.add(UNSAFE)

    with accepting(used, "{app}.0002_step"):
        result = used.check()

    assert (result.code, result.heads) == (0, ["accepted refuse ALTER_TABLE_RENAME_COLUMN"])
    assert f"    Accepted: the shop is closed (ACCEPT, '{used.app}.0002_step')\n" in result.out
    assert result.out.endswith("0 refused, 0 warnings, 0 notes, 1 accepted.\n")


@pytest.mark.parametrize("form", ["json", "sarif", "github", "gitlab"])
def test_every_format_has_what_a_setting_accepts(used: Project, form: str) -> None:
    used.add(UNSAFE)

    with accepting(used, "{app}"):
        result = used.check("--format", form)

    assert result.code == 0
    assert "ALTER_TABLE_RENAME_COLUMN" in result.out
    assert "the shop is closed" in result.out


@pytest.mark.parametrize("key", ["{app}", "{app}.0002_step", "{app}:RUN_SQL", "{app}.0002_step:RUN_SQL"])
@pytest.mark.parametrize("form", ["text", "json", "sarif", "github", "gitlab"])
def test_acceptance_that_nothing_needs_is_reported(used: Project, form: str, key: str) -> None:
    used.add(SAFE)

    with accepting(used, key):
        result = used.check("--format", form)

    assert result.code == 0
    assert key.format(app=used.app) in result.out
    assert "the shop is closed" in result.out
    if form == "text":
        assert "ACCEPT that nothing needs:\n" in result.out


def test_acceptance_of_what_was_not_judged_is_not_reported(used: Project) -> None:
    used.add(SAFE)

    with accepting(used, "{app}.0001_step"):
        assert used.check() == (0, "1 migration judged: 0 refused, 0 warnings, 0 notes.\n", "")


def test_acceptance_beside_the_reason_of_the_migration_is_not_needed(used: Project) -> None:
    used.add('[SafetyAssured([migrations.RenameField("Book", "pages", "sheets")], reason="nobody reads it")]')

    with accepting(used, "{app}"):
        result = used.check()

    assert "    Accepted: nobody reads it\n" in result.out
    assert "ACCEPT that nothing needs:\n" in result.out


@pytest.mark.parametrize(("key", "code"), [("{app}", 0), ("{app}.0002_step", 0), ("{app}:RUN_SQL", 1)])
def test_what_is_not_known_is_accepted_without_a_code(used: Project, key: str, code: int) -> None:
    used.add(PYTHON)

    with accepting(used, key):
        result = used.check("--fail-on", "unanalysed")

    assert result.code == code
    assert ("not analysed" in result.out) == ("ACCEPT that nothing needs" in result.out) == bool(code)


@pytest.mark.parametrize("options", [["--strict"], []])
def test_findings_that_only_this_command_has_are_accepted_too(used: Project, options: list[str]) -> None:
    used.add('[migrations.RemoveField("Book", "pages")]')

    with accepting(used, "{app}"):
        result = used.check("--fail-on", "warn", *options)

    assert result.code == 0
    assert result.heads == ["accepted warn DROP_COLUMN", *(["accepted refuse NOT_ADDITIVE"] if options else [])]


# When it fails


WARNED = '[migrations.RemoveField("Book", "pages")]'
PYTHON = "[migrations.RunPython(migrations.RunPython.noop, migrations.RunPython.noop)]"


@pytest.mark.parametrize(
    ("operations", "fail_on", "code"),
    [
        (WARNED, "refuse", 0),
        (WARNED, "warn", 1),
        (WARNED, "note", 1),
        (WARNED, "unanalysed", 0),
        (UNSAFE, "unanalysed", 1),
        (PYTHON, "note", 0),
        (PYTHON, "unanalysed", 1),
    ],
)
def test_exit_status_follows_what_it_shall_fail_on(used: Project, operations: str, fail_on: str, code: int) -> None:
    used.add(operations)

    assert used.check("--fail-on", fail_on).code == code


def test_two_reasons_to_fail(used: Project) -> None:
    used.add(PYTHON)

    assert used.check("--fail-on", "warn", "--fail-on", "unanalysed").code == 1


def test_strict(used: Project) -> None:
    used.add('[migrations.AlterField("Book", "pages", models.IntegerField(null=True, db_index=True))]')

    assert used.check().code == 0
    assert used.check("--strict").heads == ["refuse NOT_ADDITIVE"]
    assert used.check("--strict").code == 1


def test_python_is_listed_as_not_analysed(used: Project) -> None:
    used.add(PYTHON)

    out = used.check().out

    assert f"0002_step.py:7: RunPython ({used.app}.0002_step): what RunPython does is not known" in out
    assert out.endswith("0 notes, 1 not analysed.\n")


# Other databases, and none


def test_without_a_database(used: Project, make_connection) -> None:
    used.add(UNSAFE)
    nowhere = make_connection(name="nowhere", PORT="1")

    result = used.check("--without-database", database=nowhere.alias)

    assert (result.code, result.heads) == (1, [RENAME])
    assert "2 migrations judged" in result.out


def test_without_a_database_on_another_engine(used: Project, make_connection) -> None:
    used.add(UNSAFE)
    other = make_connection("django.db.backends.sqlite3", name=":memory:")

    assert used.check("--without-database", database=other.alias).heads == [RENAME]


def test_database_for_checks_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert default_alias() == "default"
    monkeypatch.setitem(settings.DATABASES, "CHECK_MIGRATIONS", {})
    assert default_alias() == "CHECK_MIGRATIONS"


def test_result_goes_to_a_file(used: Project) -> None:
    used.add(UNSAFE)

    result = used.check("--output", "found.txt")

    assert (result.code, result.out) == (1, "")
    assert "1 refused" in (used.folder / "found.txt").read_text("utf-8")


def test_colours_when_they_are_asked_for(used: Project) -> None:
    used.add(UNSAFE)
    out = StringIO()
    with used.installed(), pytest.raises(SystemExit):
        call_command(Command(stdout=out, force_color=True), database=used.connection.alias, force_color=True)

    assert "\033[1;31mrefuse ALTER_TABLE_RENAME_COLUMN\033[0m" in out.getvalue()


@pytest.fixture
def package(tmp_path: Path, database: BaseDatabaseWrapper, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Make an app that is installed with pip, not written in the project; its first migration was applied long ago."""
    project = Project(tmp_path, database, below="lib/site-packages")
    monkeypatch.syspath_prepend(str(project.home))
    project.migrate(project.add(BOOK))
    return project


def test_pending_migration_of_an_installed_package_counts(package: Project) -> None:
    package.add(UNSAFE)
    package.add(PYTHON)

    result = package.check("--fail-on", "refuse", "--fail-on", "unanalysed")

    assert (result.code, result.heads) == (1, [RENAME])
    assert "1 not analysed" in result.out


@pytest.mark.parametrize("choice", ["--all", "--without-database"])
def test_history_of_an_installed_package_is_judged_when_it_is_asked_for(package: Project, choice: str) -> None:
    package.add(UNSAFE)

    left_out = package.check(choice)
    asked_for = package.check(choice, "--include-third-party")
    named = package.check(package.app, choice)

    assert (left_out.code, left_out.heads) == (0, [])
    assert "0 migrations judged" in left_out.out
    assert "2 migrations of installed packages not judged: add --include-third-party, or name the app." in left_out.out
    assert (asked_for.code, asked_for.heads) == (named.code, named.heads) == (1, [RENAME])
    assert "not judged" not in asked_for.out + named.out
