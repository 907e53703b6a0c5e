"""The map of CONTRIBUTING.md is complete, and has nothing that is not there; rewrites and rules have their tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import django_zero_downtime_migrations

PACKAGE = Path(django_zero_downtime_migrations.__file__).parent
TOP = PACKAGE.parent
TESTS = TOP / "tests"
#: Folders that the row of the folder around them speaks of: it names the commands, and both engines.
COVERED = {"management/commands/", "backends/postgres/", "backends/postgis/"}
#: Tests of one rewrite or rule that have another name: they are about several of them, or about all.
TOGETHER = {
    "rewrites": {"leftovers", "online_writers", "replaced_backwards", "replaced_by_hand", "replaced_keys"},
    "rules": {"dependents", "records"},
}


def first_column(header: str) -> set[str]:
    """Return the names in backticks in the first column of the table that begins with this header."""
    text = (TOP / "CONTRIBUTING.md").read_text(encoding="utf-8")
    _, _, table = text.partition(f"| {header} |")
    rows = table.partition("\n\n")[0].splitlines()[2:]
    return {name for row in rows for name in re.findall("`([^`]+)`", row.split("|")[1])}


def has_python(folder: Path) -> bool:
    return any(folder.rglob("*.py"))


def stems(folder: Path, prefix: str = "") -> set[str]:
    """Return the names of a folder's modules, without a prefix that they all have."""
    return {file.stem.removeprefix(prefix) for file in folder.glob(f"{prefix}[a-z]*.py")}


def rooms() -> set[str]:
    folders = (folder for folder in PACKAGE.rglob("*") if folder.is_dir() and folder.name != "__pycache__")
    return {f"{folder.relative_to(PACKAGE).as_posix()}/" for folder in folders} - COVERED


def modules() -> set[str]:
    """Return the top-level modules, without apps.py, whose name is Django's convention."""
    return {file.name for file in PACKAGE.glob("[a-z]*.py")} - {"apps.py"}


def test_every_room_and_module_of_the_package_is_on_the_map_and_nothing_else() -> None:
    listed = first_column("folder or file")
    assert len(listed) > 40
    assert listed == rooms() | modules()


def test_every_folder_of_the_tests_is_on_the_map_and_nothing_else() -> None:
    folders = {f"tests/{folder.name}" for folder in TESTS.iterdir() if folder.is_dir() and has_python(folder)}
    assert len(folders) > 20
    assert first_column("folder") == folders


@pytest.mark.parametrize("room", TOGETHER)
def test_each_has_its_test_and_each_test_its_subject(room: str) -> None:
    subjects, tests = stems(PACKAGE / room), stems(TESTS / room, "test_")
    assert len(subjects) > 15
    assert tests == subjects | TOGETHER[room]
    assert not subjects & TOGETHER[room]
