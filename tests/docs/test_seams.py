"""docs/seams.md names every module of Django that the fingerprints guard, and nothing that is not there."""

from __future__ import annotations

import re
from pathlib import Path

from tests.contract.fingerprints import LEANED_ON

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "django_zero_downtime_migrations"
#: Relied on, by, guard.
ROWS = [
    line.strip("| \n").split(" | ")
    for line in (ROOT / "docs" / "seams.md").read_text().splitlines()
    if line.startswith("|") and not line.startswith(("| relied on", "|---"))
]
NAMED = re.compile(r"`([\w/.]+\.(?:py|txt))`")


def test_each_module_that_is_guarded_by_fingerprints_is_there_for_a_reason() -> None:
    guarded = {name for *_, guard in ROWS for name in NAMED.findall(guard) if not name.startswith("tests/")}
    assert guarded == set(LEANED_ON)


def test_our_own_modules_and_tests_are_there() -> None:
    ours = {name for _, by, _ in ROWS for name in NAMED.findall(by)}
    assert ours
    assert [name for name in sorted(ours) if not (PACKAGE / name).is_file()] == []
    tests = {name for *_, guard in ROWS for name in NAMED.findall(guard) if name.startswith("tests/")}
    assert [name for name in sorted(tests) if not (ROOT / name).is_file()] == []
