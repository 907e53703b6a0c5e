"""The options of check_migrations that a project states once: in its settings, and in pyproject.toml."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from django_zero_downtime_migrations.checks import check_settings
from django_zero_downtime_migrations.findings import Severity
from django_zero_downtime_migrations.judging.configuration import Configuration, completed
from django_zero_downtime_migrations.rules import BY_CODE
from tests.commands.project import SAFE, UNSAFE, Project

NO_REVERSE = "[migrations.RunPython(print)]"
WITH_DEFAULT = '[migrations.AddField("Book", "note", models.CharField(max_length=20, default=""))]'


def stated(**options: Any) -> override_settings:
    return override_settings(ZERO_DOWNTIME_MIGRATIONS_CHECK=options)


@pytest.fixture
def pyproject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's pyproject.toml, while the command runs in a folder below."""
    (tmp_path / "below" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "below" / "deep")
    return tmp_path / "pyproject.toml"


def write(path: Path, text: str) -> None:
    path.write_text(f"[project]\nname = 'shop'\n\n[tool.django_zero_downtime_migrations]\n{text}\n", "utf-8")


# What each option does


def test_a_rule_of_the_check_alone_can_be_turned_off(used: Project) -> None:
    used.add(NO_REVERSE)

    assert used.check().heads == ["note RUN_PYTHON_NO_REVERSE"]
    assert used.check("--ignore", "RUN_PYTHON_NO_REVERSE").heads == []
    with stated(IGNORE=["RUN_PYTHON_NO_REVERSE"]):
        assert used.check().heads == []
    with stated(SEVERITY={"RUN_PYTHON_NO_REVERSE": "off"}):
        assert used.check().heads == []


def test_a_rule_can_count_for_more(used: Project) -> None:
    used.add(NO_REVERSE)
    with stated(SEVERITY={"RUN_PYTHON_NO_REVERSE": "refuse"}):
        result = used.check()

    assert (result.code, result.heads) == (1, ["refuse RUN_PYTHON_NO_REVERSE"])


def test_a_rule_by_which_migrate_goes_cannot_count_for_less(used: Project) -> None:
    used.add(UNSAFE)
    for options in ({"IGNORE": ["ALTER_TABLE_RENAME_COLUMN"]}, {"SEVERITY": {"ALTER_TABLE_RENAME_COLUMN": "note"}}):
        with stated(**options):
            result = used.check()
        assert result.code == 2
        assert "eases ALTER_TABLE_RENAME_COLUMN, by which migrate goes as well" in result.err
        assert "SafetyAssured or ACCEPT" in result.err


@pytest.mark.parametrize("code", [code for code, rule in BY_CODE.items() if not rule.only_checked])
def test_no_rule_of_migrate_can_be_eased(used: Project, code: str) -> None:
    assert used.check("--ignore", code).code == 2


def test_what_is_eased_already_stays_so(used: Project) -> None:
    used.add(UNSAFE)
    with (
        override_settings(ZERO_DOWNTIME_MIGRATIONS_OLD_CODE="absent"),
        stated(SEVERITY={"ALTER_TABLE_RENAME_COLUMN": "refuse"}),
    ):
        assert used.check().heads == ["warn ALTER_TABLE_RENAME_COLUMN"]


def test_what_certainly_fails_stays_refused(used: Project) -> None:
    """A rule that otherwise warns may refuse, and so does migrate."""
    (warning,) = [rule for rule in BY_CODE.values() if rule.code == "RUN_SQL"]
    assert warning.severity is Severity.WARN and not warning.only_checked
    configuration = Configuration(severity={warning.code: Severity.WARN})
    certain = warning.found("it fails").named(severity=Severity.REFUSE)

    assert configuration.counted(certain).severity is Severity.REFUSE
    assert configuration.counted(warning.found("it may fail")).severity is Severity.WARN


def test_migrations_can_be_excluded(used: Project) -> None:
    used.add(UNSAFE)
    last = used.names[-1]

    assert used.check("--exclude", used.app).out == (
        "0 migrations judged: 0 refused, 0 warnings, 0 notes.\n1 migration excluded by the project.\n"
    )
    with stated(EXCLUDE=[f"{used.app}.{last}"]):
        assert used.check().code == 0
        assert json.loads(used.check("--format", "json").out)["excluded"] == 1
    with stated(EXCLUDE=[f"{used.app}.0001"]):
        assert used.check().code == 1


def test_what_follows_an_excluded_migration_is_judged_on_its_state(used: Project) -> None:
    used.add(SAFE)
    used.add('[migrations.RenameField("Book", "note", "remark")]')

    assert used.check("--exclude", f"{used.app}.{used.names[1]}").heads == ["refuse ALTER_TABLE_RENAME_COLUMN"]


def test_an_app_is_judged_from_its_start_on(used: Project) -> None:
    used.add(UNSAFE)
    used.add(NO_REVERSE)
    last = used.names[-1]

    assert used.check().heads == ["refuse ALTER_TABLE_RENAME_COLUMN", "note RUN_PYTHON_NO_REVERSE"]
    with stated(START={used.app: last}):
        assert used.check().heads == ["note RUN_PYTHON_NO_REVERSE"]


def test_what_makes_the_check_fail_can_be_stated(used: Project) -> None:
    used.add(NO_REVERSE)
    assert used.check().code == 0
    for value in ("note", ["note"], ["unanalysed"]):
        with stated(FAIL_ON=value):
            assert used.check().code == 1
    with stated(FAIL_ON="note"):
        assert used.check("--fail-on", "refuse").code == 0


def test_without_a_database_can_be_stated_and_one_on_the_command_line_counts_more() -> None:
    given = {"database": None, "without_database": False}
    with stated(WITHOUT_DATABASE=True, DATABASE="replica"):
        assert completed(given)[0]["without_database"] is True
        assert completed(given)[0]["database"] == "replica"
        assert completed({**given, "database": "default"})[0]["without_database"] is False


def test_strict_can_be_stated(used: Project) -> None:
    used.add(WITH_DEFAULT)
    with stated(STRICT=True):
        assert "refuse NOT_ADDITIVE" in used.check().heads


# Where it stands


def test_pyproject_is_found_from_a_folder_below(used: Project, pyproject: Path) -> None:
    used.add(NO_REVERSE)
    write(pyproject, 'fail-on = "note"')

    assert used.check().code == 1


def test_pyproject_without_the_table_is_passed_over(used: Project, pyproject: Path) -> None:
    used.add(NO_REVERSE)
    write(pyproject, 'fail-on = "note"')
    for text in ("", "# django_zero_downtime_migrations\n[tool.ruff]\n"):
        Path("pyproject.toml").write_text(text)
        assert used.check().code == 1


def test_path_in_pyproject_begins_at_its_folder(used: Project, pyproject: Path) -> None:
    used.add(UNSAFE)
    assert used.check("--write-baseline", str(pyproject.parent / "known.json")).code == 0
    write(pyproject, 'baseline = "known.json"')

    assert used.check().code == 0
    # It is written again, also where it is stated and has gone.
    (pyproject.parent / "known.json").unlink()
    assert used.check("--write-baseline", str(pyproject.parent / "known.json")).code == 0


def test_setting_counts_more_than_pyproject_and_both_exclude(used: Project, pyproject: Path) -> None:
    used.add(NO_REVERSE)
    used.add(UNSAFE)
    second, third = used.names[-2:]
    write(pyproject, f'fail-on = "refuse"\nexclude = ["{used.app}.{third}"]')
    with stated(FAIL_ON="note"):
        assert used.check().code == 1
    with stated(FAIL_ON="note", EXCLUDE=[f"{used.app}.{second}"]):
        assert used.check().code == 0


def test_of_several_starts_of_an_app_the_latest_migration_counts(used: Project, pyproject: Path) -> None:
    for operations in (UNSAFE, NO_REVERSE, NO_REVERSE):
        used.add(operations)
    second, third, fourth = used.names[-3:]

    def notes(in_pyproject: str, in_setting: str, of_database: str) -> int:
        write(pyproject, f'start = {{ {used.app} = "{in_pyproject}" }}')
        with (
            stated(START={used.app: in_setting}),
            override_settings(ZERO_DOWNTIME_MIGRATIONS_CHECK_START={used.app: of_database}),
        ):
            return used.check().heads.count("note RUN_PYTHON_NO_REVERSE")

    assert notes(second, second, second) == notes(second, third, second) == 2
    assert notes(fourth, second, third) == notes(third, fourth, second) == notes(second, third, fourth) == 1


# Rules, listed


def test_rules_are_listed_as_the_project_has_them(used: Project) -> None:
    with stated(SEVERITY={"SAME_TABLE_TWICE": "warn"}, IGNORE=["RUN_PYTHON_NO_REVERSE"]):
        lines = {line.split()[0]: line.split() for line in used.check("--list-rules").out.splitlines()}

    assert list(lines) == sorted(BY_CODE)
    assert lines["DROP_COLUMN"][1] == BY_CODE["DROP_COLUMN"].severity.value
    assert lines["SAME_TABLE_TWICE"][1:3] == ["warn", "check_migrations"]
    assert lines["RUN_PYTHON_NO_REVERSE"][1] == "off"
    assert lines["ALTER_COLUMN_TYPE"][2:4] == ["migrate", "too"]


# What is wrong


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"FAIL": "note"},
            "the setting ZERO_DOWNTIME_MIGRATIONS_CHECK has 'fail', which is not an option. Write 'fail-on'",
        ),
        ({"COLOUR": "red"}, "which is not an option. The options are database, "),
        (
            {"FAIL_ON": "error"},
            "'fail-on' in the setting ZERO_DOWNTIME_MIGRATIONS_CHECK has 'error'. Write one of refuse,",
        ),
        ({"FAIL_ON": 1}, "'fail-on' in the setting ZERO_DOWNTIME_MIGRATIONS_CHECK is 1. Write a list of texts"),
        ({"STRICT": "yes"}, "is 'yes'. Write true or false"),
        ({"BASELINE": 3}, "is 3. Write a text"),
        ({"EXCLUDE": "shop"}, "is 'shop'. Write a list of texts"),
        ({"EXCLUDE": ["shopp"]}, "exclude has 'shopp', but 'shopp' is not an app with migrations"),
        ({"START": "0002"}, "is '0002'. Write a table of migrations by their apps' labels"),
        ({"START": None}, "is None. Write a table of migrations by their apps' labels"),
        ({"START": {"shop": 2}}, "which are not the label of an app and the name of a migration"),
        (
            {"START": {"shopp": "0002"}},
            "'start' in the setting ZERO_DOWNTIME_MIGRATIONS_CHECK has a start for 'shopp', which is not an app",
        ),
        ({"SEVERITY": "warn"}, "is 'warn'. Write a table of severities by the rules' codes"),
        ({"SEVERITY": {"DROP_COLUMN": "error"}}, "has 'error' for DROP_COLUMN. Write refuse, warn, note or off"),
        ({"IGNORE": ["DROP_COLUM"]}, "names the rule 'DROP_COLUM', which does not exist. Write DROP_COLUMN"),
        ({"IGNORE": ["XYZ"]}, "check_migrations --list-rules prints all of them"),
    ],
)
def test_wrong_option_is_named_with_its_place(used: Project, options: dict[str, Any], text: str) -> None:
    with stated(**options):
        result = used.check()

    assert (result.code, result.out) == (2, "")
    assert text in result.err
    assert "\n" not in result.err


@pytest.mark.parametrize("option", ["EXCLUDE", "START"])
def test_likely_app_and_migration_are_named(used: Project, option: str) -> None:
    def err(app: str, migration: str) -> str:
        with stated(**{option: [f"{app}.{migration}"] if option == "EXCLUDE" else {app: migration}}):
            return used.check().err

    first = used.names[0]
    assert err(f"{used.app}y", first).endswith(f"not an app with migrations. Write '{used.app}'.")
    assert err(used.app, f"{first}s").endswith(f"App '{used.app}' has no migration '{first}s'. Write '{first}'.")


def test_setting_that_is_not_a_dict(used: Project) -> None:
    with override_settings(ZERO_DOWNTIME_MIGRATIONS_CHECK=["strict"]):
        assert "ZERO_DOWNTIME_MIGRATIONS_CHECK is of type list. Write a dict" in used.check().err


def test_pyproject_that_cannot_be_parsed(used: Project, pyproject: Path) -> None:
    pyproject.write_text("[tool.django_zero_downtime_migrations\n")
    result = used.check()

    assert result.code == 2
    assert f"{pyproject} cannot be read: " in result.err


def test_pyproject_that_this_python_cannot_read(
    used: Project, pyproject: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(pyproject, "strict = true")
    for name in ("tomllib", "tomli"):
        monkeypatch.setitem(sys.modules, name, None)

    assert "pip install tomli" in used.check().err


def test_wrong_option_in_pyproject_is_named_with_the_file(used: Project, pyproject: Path) -> None:
    write(pyproject, "stict = true")

    assert (
        f"[tool.django_zero_downtime_migrations] of {pyproject} has 'stict', which is not an option. Write 'strict'."
        in used.check().err
    )


def test_the_setting_is_known_to_the_system_checks() -> None:
    with stated(STRICT=True):
        assert [x for x in check_settings(None) if "CHECK" in x.msg] == []


def test_severities_are_those_of_findings() -> None:
    assert {severity.value for severity in Severity} == {"refuse", "warn", "note"}
