"""EXPAND_CONTRACT, OLD_CODE and CONTRACT_QUIET_TIME."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import override_settings

from django_zero_downtime_migrations.setting_problems import problems
from django_zero_downtime_migrations.settings import MigrationSettings
from django_zero_downtime_migrations.stated_settings import Kind

PREFIX = "ZERO_DOWNTIME_MIGRATIONS"


@pytest.fixture
def own(monkeypatch, settings):
    """own(NAME=value): the settings of the default database."""
    return lambda **values: monkeypatch.setitem(settings.DATABASES["default"], PREFIX, values)


def load():
    return MigrationSettings.load("default")


def test_it_is_off_old_code_is_there_and_an_hour_is_waited():
    assert (load().expand_contract, load().old_code, load().contract_quiet_time) == (False, "present", 3_600_000)


def test_each_database_has_its_own(own):
    own(EXPAND_CONTRACT=True, OLD_CODE="absent", CONTRACT_QUIET_TIME="30min")
    assert (load().expand_contract, load().old_code, load().contract_quiet_time) == (True, "absent", 1_800_000)
    assert not MigrationSettings.load("stock").expand_contract


@pytest.mark.parametrize(("value", "milliseconds"), [(0, 0), ("2h", 7_200_000), (timedelta(days=1), 86_400_000)])
def test_quiet_times(own, value, milliseconds):
    own(CONTRACT_QUIET_TIME=value)
    assert load().contract_quiet_time == milliseconds


def test_the_environment_counts_most(own, monkeypatch):
    own(OLD_CODE="present")
    monkeypatch.setenv(f"{PREFIX}_OLD_CODE", "absent")
    with override_settings(ZERO_DOWNTIME_MIGRATIONS_OLD_CODE="present"):
        assert load().old_code == "absent"
    monkeypatch.setenv(f"{PREFIX}_OLD_CODE", "")
    assert load().old_code == "present"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("OLD_CODE", "gone", "is neither of the two"),
        ("OLD_CODE", True, "is neither of the two"),
        ("CONTRACT_QUIET_TIME", None, "is no time"),
        ("CONTRACT_QUIET_TIME", "soon", "is not a duration"),
        ("EXPAND_CONTRACT", "yes", "is of type str"),
    ],
)
def test_wrong_values_are_named(own, name, value, said):
    own(**{name: value})
    [problem] = problems("default")
    assert problem.kind is Kind.VALUE
    assert name in problem.message and said in problem.message


def test_a_wrong_value_of_the_environment_is_named(monkeypatch):
    monkeypatch.setenv(f"{PREFIX}_OLD_CODE", "gone")
    [problem] = problems("default")
    assert problem.message == f"The environment variable {PREFIX}_OLD_CODE = 'gone' is neither of the two"
    assert problem.hint == 'Write "present", or "absent" where nobody runs the code from before the migrations.'
