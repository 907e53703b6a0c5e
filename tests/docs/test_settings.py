"""The page of the settings: every one of them, as the records have it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import django_zero_downtime_migrations
from django_zero_downtime_migrations.presets import PRESETS
from django_zero_downtime_migrations.settings import MigrationSettings
from docs.generate import SETTINGS, settings
from tests.docs.pages import rows

PACKAGE = Path(django_zero_downtime_migrations.__file__).parent
NAMES = sorted(name.upper() for name in MigrationSettings._fields)
SECTIONS = dict(re.findall(r"^### (\w+)\n\n(.+?)(?=\n#|\Z)", SETTINGS.read_text("utf-8"), re.M | re.S))


def test_the_page_is_what_the_records_and_its_source_make() -> None:
    assert SETTINGS.read_text("utf-8") == settings(), "run: python -m docs.generate"


def test_the_page_has_every_setting() -> None:
    assert sorted(SECTIONS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_setting_has_its_default_and_what_it_does(name: str) -> None:
    default = repr(getattr(MigrationSettings(), name.lower())).replace("''", '""')
    facts, effect = SECTIONS[name].split("\n\n", 1)

    assert facts.startswith(f"Default: `{default}`. Takes ")
    assert len(effect) > 40


@pytest.mark.parametrize("name", NAMES)
def test_a_setting_has_an_effect_somewhere(name: str) -> None:
    used = re.compile(rf"\b(short_)?{name.lower()}\b" if name != "PRESET" else r"\"PRESET\"")

    assert [
        file for file in PACKAGE.rglob("*.py") if file.name != "settings.py" and used.search(file.read_text("utf-8"))
    ]


def test_the_page_has_what_each_preset_means() -> None:
    stated = {row[0].split("]")[0].strip("["): row[1:] for row in rows(SETTINGS, "setting")}

    for number, meant in enumerate(PRESETS.values()):
        assert {name: cells[number] for name, cells in stated.items()} == {
            name: f"`{value!r}`" for name, value in meant.items()
        }
