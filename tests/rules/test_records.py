"""The properties of every rule."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

from django_zero_downtime_migrations import rules
from django_zero_downtime_migrations.errors import Unsafe
from django_zero_downtime_migrations.planning.rule import CHECKS, WHOLE_PLAN

NAMES = [module.name for module in iter_modules(rules.__path__)]


def rule(name):
    return import_module(f"{rules.__name__}.{name}").RULE


@pytest.mark.parametrize("name", NAMES)
def test_rule_has_a_test_file_with_a_safe_and_an_unsafe_example(name):
    text = Path(__file__).with_name(f"test_{name}.py").read_text()
    assert f'"{rule(name).code}"' in text
    if rule(name).only_checked:
        assert "assert_checked(" in text or " check(" in text
        assert "assert_passes(" in text
    else:
        assert "assert_finding(" in text
        assert "assert_safe(" in text


@pytest.mark.parametrize("name", NAMES)
def test_rule_is_found_by_its_being_there(name):
    of_statements = [each for checks in CHECKS.values() for each, _ in checks]
    assert any(rule(name) is each for each in (*of_statements, *WHOLE_PLAN))


@pytest.mark.parametrize("name", NAMES)
def test_text_of_a_rule_is_the_one_that_users_map_on(name):
    assert rule(name).text == getattr(Unsafe, rule(name).code, rule(name).text)
    first, rest = rule(name).text.split("\n")
    assert first.endswith(" is unsafe operation")
    assert f"--explain {rule(name).code}`" in rest


def test_codes_are_unique():
    assert len({rule(name).code for name in NAMES}) == len(NAMES)
