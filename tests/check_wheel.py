"""Is the installed package complete? `python check_wheel.py ROOT`, run by tox away from the sources."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

import django_zero_downtime_migrations
from django_zero_downtime_migrations import ADDRESS, DISTRIBUTION

NAME = "django_zero_downtime_migrations"


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"}


root = Path(sys.argv[1])
installed = Path(django_zero_downtime_migrations.__file__).parent
assert not installed.is_relative_to(root / NAME), "these are the sources, not the wheel"
assert files(installed) == files(root / NAME), files(installed) ^ files(root / NAME)
assert "py.typed" in files(installed)
assert metadata.version(DISTRIBUTION) == django_zero_downtime_migrations.__version__
about = metadata.metadata(DISTRIBUTION)
assert about.get_all("Project-URL") == [f"Homepage, {ADDRESS}"], about.get_all("Project-URL")
hard = [requirement for requirement in metadata.requires(DISTRIBUTION) or [] if "extra ==" not in requirement]
assert hard == ["django>=4.2"], hard
assert not (installed.parent / "tests").exists(), "the wheel carries the tests"
print(f"{metadata.version(DISTRIBUTION)}: {len(files(installed))} files")
