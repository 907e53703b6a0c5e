"""ACCEPT, as it is read from the settings and from the environment, and which of its keys covers a finding."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_zero_downtime_migrations.acceptances import Acceptance, acceptance
from django_zero_downtime_migrations.setting_problems import problems
from django_zero_downtime_migrations.settings import MigrationSettings
from django_zero_downtime_migrations.stated_settings import Kind

NAME = "ZERO_DOWNTIME_MIGRATIONS_ACCEPT"
#: A key -> app, migration and code.
KEYS = {
    "shop": ("shop", "", ""),
    "shop.0007_total": ("shop", "0007_total", ""),
    "shop:ALTER_COLUMN_TYPE": ("shop", "", "ALTER_COLUMN_TYPE"),
    "shop.0007_total:ALTER_COLUMN_TYPE": ("shop", "0007_total", "ALTER_COLUMN_TYPE"),
    "django_celery_beat": ("django_celery_beat", "", ""),
    "магазин.0007_итог": ("магазин", "0007_итог", ""),
}


def stated() -> list[Acceptance]:
    return list(MigrationSettings.load("default").accept.values())


@pytest.mark.parametrize("key", KEYS)
def test_key_of_the_setting(settings, key):
    setattr(settings, NAME, {key: " no old code runs "})
    assert stated() == [Acceptance(*KEYS[key], "no old code runs")]
    assert stated()[0].key == key


@pytest.mark.parametrize("key", KEYS)
def test_key_of_the_environment(monkeypatch, key):
    monkeypatch.setenv(NAME, f"{key}: rollback: the shop is closed")
    assert stated() == [Acceptance(*KEYS[key], "rollback: the shop is closed", once=True)]


@pytest.mark.parametrize("separator", [";", "; ", "\n", "\n\n  ", " ;\n;"])
def test_several_in_the_environment(monkeypatch, separator):
    monkeypatch.setenv(NAME, separator.join(["", "shop.0007_total: first", "bank:RUN_SQL:  second", ""]))
    assert [(one.key, one.reason) for one in stated()] == [("shop.0007_total", "first"), ("bank:RUN_SQL", "second")]


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_empty_environment_accepts_nothing(monkeypatch, text):
    monkeypatch.setenv(NAME, text)
    assert stated() == []
    assert problems("default") == []


def test_database_counts_more_than_the_flat_setting(settings, monkeypatch):
    setattr(settings, NAME, {"shop": "all of them"})
    own = {"ZERO_DOWNTIME_MIGRATIONS": {"ACCEPT": {"bank": "this one alone"}}}
    monkeypatch.setitem(settings.DATABASES, "default", {**settings.DATABASES["default"], **own})
    assert [one.key for one in stated()] == ["bank"]


def test_environment_is_read_on_top_of_the_settings(settings, monkeypatch):
    setattr(settings, NAME, {"shop": "standing", "bank": "standing"})
    monkeypatch.setenv(NAME, "shop: tonight")
    assert [(one.key, one.reason) for one in stated()] == [("shop", "tonight"), ("bank", "standing")]
    found = acceptance(MigrationSettings.load("default").accept, "shop", "0007_total", "RUN_SQL")
    assert found is not None and found.reason == "tonight"


WRONG = {
    "list": (["shop"], "is of type list"),
    "text": ("shop: as in the environment", "is of type str"),
    "none": (None, "is of type NoneType"),
    "number as key": ({7: "reason"}, "has the key 7"),
    "pair as key": ({("shop", "0007"): "reason"}, "has the key ('shop', '0007')"),
    "no app": ({".0007_total": "reason"}, "has the key '.0007_total'"),
    "no migration": ({"shop.": "reason"}, "has the key 'shop.'"),
    "code in small letters": ({"shop:run_sql": "reason"}, "has the key 'shop:run_sql'"),
    "operation": ({"shop.0007_total.3": "reason"}, "has the key 'shop.0007_total.3'"),
    "everything": ({"": "reason"}, "has the key ''"),
    "star": ({"*": "reason"}, "has the key '*'"),
    "empty reason": ({"shop": ""}, "has no reason for 'shop'"),
    "blank reason": ({"shop": " \n"}, "has no reason for 'shop'"),
    "no reason": ({"shop": None}, "has a reason of type NoneType for 'shop'"),
    "flag for a reason": ({"shop": True}, "has a reason of type bool for 'shop'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_setting(settings, case):
    value, said = WRONG[case]
    setattr(settings, NAME, value)
    with pytest.raises(ImproperlyConfigured, match="The setting ZERO_DOWNTIME_MIGRATIONS_ACCEPT") as caught:
        MigrationSettings.load("default")
    assert said in str(caught.value)
    assert '{"shop.0007_total": "no old code runs"}' in str(caught.value)
    (problem,) = problems("default")
    assert problem.kind is Kind.VALUE and said in problem.message


WRONG_TEXTS = {
    "shop.0007_total": "has 'shop.0007_total', which is not a key, a colon, a space and a reason",
    "shop.0007_total:": "has no reason for 'shop.0007_total'",
    "shop.0007_total: ": "has no reason for 'shop.0007_total'",
    "shop.0007_total:ALTER_COLUMN_TYPE": "has 'shop.0007_total:ALTER_COLUMN_TYPE', which is not",
    "shop.0007_total:ALTER_COLUMN_TYPE:": "has no reason for 'shop.0007_total:ALTER_COLUMN_TYPE'",
    "shop: one; two": "has 'two', which is not",
    "the shop is closed": "has 'the shop is closed', which is not",
    "shop:because": "has 'shop:because', which is not",
}


@pytest.mark.parametrize("text", WRONG_TEXTS)
def test_wrong_environment(monkeypatch, text):
    monkeypatch.setenv(NAME, text)
    with pytest.raises(
        ImproperlyConfigured, match="The environment variable ZERO_DOWNTIME_MIGRATIONS_ACCEPT"
    ) as caught:
        MigrationSettings.load("default")
    assert WRONG_TEXTS[text] in str(caught.value)
    (problem,) = problems("default")
    assert problem.kind is Kind.VALUE and WRONG_TEXTS[text] in problem.message


FINDING = ("shop", "0007_total", "RUN_SQL")
MOST_EXACT = ["shop.0007_total:RUN_SQL", "shop.0007_total", "shop:RUN_SQL", "shop"]


@pytest.mark.parametrize("missing", range(4))
def test_most_exact_key_covers_a_finding(settings, missing):
    setattr(settings, NAME, {key: key for key in reversed(MOST_EXACT[missing:])})
    found = acceptance(MigrationSettings.load("default").accept, *FINDING)
    assert found is not None and found.reason == MOST_EXACT[missing]


@pytest.mark.parametrize(
    "key", ["shop2", "shop.0007", "shop.0007_total2", "shop:DROP_TABLE", "bank.0007_total:RUN_SQL"]
)
def test_key_of_something_else_covers_nothing(settings, key):
    setattr(settings, NAME, {key: "reason"})
    assert acceptance(MigrationSettings.load("default").accept, *FINDING) is None


def test_what_no_rule_has_judged_needs_a_key_without_code(settings):
    setattr(settings, NAME, {"shop:RUN_SQL": "reason", "shop.0007_total:RUN_SQL": "reason"})
    assert acceptance(MigrationSettings.load("default").accept, "shop", "0007_total", "") is None
