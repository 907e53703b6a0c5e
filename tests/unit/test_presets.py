"""A preset is one name in place of the settings that all projects need; a setting of its own counts more."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from django_zero_downtime_migrations.presets import PRESETS
from django_zero_downtime_migrations.setting_problems import problems
from django_zero_downtime_migrations.settings import MigrationSettings
from django_zero_downtime_migrations.stated_settings import Kind

#: In ms.
RECOMMENDED = {
    "lock_timeout": 2000,
    "lock_retry_timeout": 600_000,
    "statement_timeout": 3000,
    "flexible_statement_timeout": True,
    "raise_for_unsafe": True,
    "online_type_changes": True,
    "expand_contract": True,
}


@pytest.fixture
def own(monkeypatch, settings):
    """own(value): what stands under ZERO_DOWNTIME_MIGRATIONS of the database `default`."""
    del settings.ZERO_DOWNTIME_MIGRATIONS_CHECK_SMALL_TABLE
    return lambda value: monkeypatch.setitem(settings.DATABASES["default"], "ZERO_DOWNTIME_MIGRATIONS", value)


def differences():
    """The settings that are not as they are by default, beside the name of the preset."""
    loaded, default = MigrationSettings.load("default"), MigrationSettings()
    names = sorted(name for name in MigrationSettings._fields if getattr(loaded, name) != getattr(default, name))
    return {name: getattr(loaded, name) for name in names if name != "preset"}


@pytest.mark.parametrize("value", ["recommended", {"PRESET": "recommended"}], ids=["a text", "in a dict"])
def test_preset_of_a_database(own, value):
    own(value)
    assert differences() == RECOMMENDED
    assert problems("default") == []


def test_preset_of_all_databases():
    with override_settings(ZERO_DOWNTIME_MIGRATIONS_PRESET="recommended"):
        assert MigrationSettings.load("stock").lock_timeout == 2000


def test_what_a_database_states_beside_its_preset_counts_more(own):
    own({"LOCK_TIMEOUT": "200ms", "EXPAND_CONTRACT": False, "LOCK_RETRY_TIMEOUT": None, "PRESET": "recommended"})
    changed = {"lock_timeout": 200}
    without = {"expand_contract", "lock_retry_timeout"}
    assert differences() == {name: value for name, value in (RECOMMENDED | changed).items() if name not in without}


def test_what_is_stated_for_all_databases_counts_more_than_a_preset(own):
    own("recommended")
    with override_settings(ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT="1s"):
        assert differences() == RECOMMENDED | {"lock_timeout": 1000}


def test_database_can_do_without_the_preset_of_all(own):
    own({"PRESET": None})
    with override_settings(ZERO_DOWNTIME_MIGRATIONS_PRESET="recommended"):
        assert differences() == {}


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ("recomended", "DATABASES['default']['ZERO_DOWNTIME_MIGRATIONS'] = 'recomended' is not the name of a preset"),
        ({"PRESET": "best"}, "DATABASES['default']['ZERO_DOWNTIME_MIGRATIONS']['PRESET'] = 'best' is not the name of"),
        ({"PRESET": ["recommended"]}, "['PRESET'] = ['recommended'] is of type list"),
    ],
)
def test_preset_that_is_none_is_refused_with_what_to_write(own, value, where):
    own(value)
    with pytest.raises(ImproperlyConfigured) as refused:
        MigrationSettings.load("default")
    assert where in str(refused.value)
    assert str(refused.value).endswith("Write 'recommended', or None for no preset.")
    assert [problem.kind for problem in problems("default")] == [Kind.VALUE]


def test_preset_under_the_name_of_all_settings_is_a_problem_that_says_where_it_belongs():
    with override_settings(ZERO_DOWNTIME_MIGRATIONS="recommended"):
        (problem,) = problems("default")
    assert problem.kind is Kind.NAME
    assert problem.hint == (
        "Write DATABASES[alias]['ZERO_DOWNTIME_MIGRATIONS'] = 'recommended', or "
        "ZERO_DOWNTIME_MIGRATIONS_PRESET = 'recommended' for all."
    )


def test_settings_of_a_preset_can_be_written_themselves(own):
    for meant in PRESETS.values():
        own(meant)
        assert problems("default") == []
