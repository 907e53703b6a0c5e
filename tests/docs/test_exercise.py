"""The exercise of CONTRIBUTING.md: three commits of one file and one test each, made in a copy of the repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.backends.project import ROOT

pytestmark = pytest.mark.slow

PACKAGE = "django_zero_downtime_migrations"
#: A block, after the path of its file.
BLOCK = re.compile(r"`((?:tests|" + PACKAGE + r")/[a-z_/]+\.py)`(?:(?!```)[\s\S])*?```python\n([\s\S]*?)```")


def blocks() -> list[tuple[str, str]]:
    """Return the files of the exercise, in order, and the code of each."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    exercise = text.partition("## An exercise\n")[2].partition("\n## ")[0].partition("**A kind of step.**")[2]
    return [(path, code) for path, code in BLOCK.findall(exercise)]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the repository, without what is built."""
    for name in (PACKAGE, "tests", "servers"):
        ignored = shutil.ignore_patterns("__pycache__", "node_modules")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    if (modules := ROOT / "servers" / "node_modules").exists():
        (tmp_path / "servers" / "node_modules").symlink_to(modules)
    return tmp_path


def test_each_commit_is_one_file_of_the_package_and_one_test() -> None:
    paths = [path for path, _ in blocks()]
    assert [path.partition("/")[0] for path in paths] == [PACKAGE, "tests"] * 3
    assert [path.split("/")[1] for path in paths] == ["planning", "unit", "rewrites", "rewrites", "rules", "rules"]


def test_its_tests_fail_without_its_files_and_pass_with_them(copy: Path) -> None:
    tests = [path for path, _ in blocks()[1::2]]
    for path, code in blocks()[1::2]:
        (copy / path).write_text(code, encoding="utf-8")
    without = run_tests(copy, *tests)
    for path, code in blocks()[::2]:
        there = f"{(copy / path).read_text(encoding='utf-8')}\n\n" if (copy / path).exists() else ""
        (copy / path).write_text(there + code, encoding="utf-8")
    of_all = ("unit/test_stored_steps.py", "rules/test_records.py", "contract/test_lengths.py")
    with_them = run_tests(copy, *tests, *(f"tests/{name}" for name in of_all))

    assert [test for test in tests if not re.search(f"^(FAILED|ERROR) {test}", without.stdout, re.M)] == []
    assert with_them.returncode == 0, with_them.stdout


def run_tests(copy: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0"]
    # What runs there is measured by nothing: the files of the copy are not those of the package.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    return subprocess.run(
        [*command, "--continue-on-collection-errors", *tests],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
    )
