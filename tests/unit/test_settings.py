"""Settings: where they may stand, which of them counts, and what is said about wrong ones."""

from __future__ import annotations

import warnings
from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.test import override_settings

from django_zero_downtime_migrations.compat import has_db_default
from django_zero_downtime_migrations.setting_problems import problems
from django_zero_downtime_migrations.settings import MigrationSettings, base_backend, effective
from django_zero_downtime_migrations.stated_settings import Kind

FLAGS = [
    ("FLEXIBLE_STATEMENT_TIMEOUT", False),
    ("RAISE_FOR_UNSAFE", False),
    ("DEFERRED_SQL", True),
    ("IDEMPOTENT_SQL", None),
    ("EXPLICIT_CONSTRAINTS_DROP", True),
    ("KEEP_DEFAULT", False),
    ("LOCK_TIMEOUT_FORCE", False),
    ("SHOW_OFFENDING_VALUES", False),
]
DURATIONS = ["LOCK_TIMEOUT", "STATEMENT_TIMEOUT", "LOCK_RETRY_TIMEOUT", "MIGRATE_LOCK_TIMEOUT"]


@pytest.fixture
def own(monkeypatch, settings):
    """own(alias, NAME=value): the settings of one database."""

    def write(alias="default", /, **values):
        monkeypatch.setitem(settings.DATABASES[alias], "ZERO_DOWNTIME_MIGRATIONS", values)

    return write


def flat(**values):
    return override_settings(**{f"ZERO_DOWNTIME_MIGRATIONS_{name}": value for name, value in values.items()})


def only_problem(alias="default"):
    (problem,) = problems(alias)
    return problem


def test_defaults(settings):
    del settings.ZERO_DOWNTIME_MIGRATIONS_CHECK_SMALL_TABLE
    assert MigrationSettings.load("default") == MigrationSettings(
        lock_timeout=None,
        statement_timeout=None,
        lock_retry_timeout=None,
        migrate_lock_timeout=None,
        flexible_statement_timeout=False,
        raise_for_unsafe=False,
        deferred_sql=True,
        idempotent_sql=None,
        explicit_constraints_drop=True,
        keep_default=False,
        lock_timeout_force=False,
        show_offending_values=False,
        replicas=(),
        check_small_table=10 * 1024**2,
        accept={},
        base_backend="",
    )


def test_nothing_is_wrong_with_no_settings():
    assert problems("default") == []


@pytest.mark.parametrize("name", DURATIONS)
@pytest.mark.parametrize("value", ["2s", 2000, timedelta(seconds=2)])
def test_flat_duration(name, value):
    with flat(**{name: value}):
        assert getattr(MigrationSettings.load("default"), name.lower()) == 2000


@pytest.mark.parametrize(("name", "default"), [flag for flag in FLAGS if flag[0] != "KEEP_DEFAULT"])
def test_flat_flag(name, default):
    with flat(**{name: not default}):
        assert getattr(MigrationSettings.load("default"), name.lower()) is not default


@pytest.mark.parametrize("name", DURATIONS)
def test_duration_of_one_database(own, name):
    own("default", **{name: "2s"})
    assert getattr(MigrationSettings.load("default"), name.lower()) == 2000


@pytest.mark.parametrize(("name", "default"), [flag for flag in FLAGS if flag[0] != "KEEP_DEFAULT"])
def test_flag_of_one_database(own, name, default):
    own("default", **{name: not default})
    assert getattr(MigrationSettings.load("default"), name.lower()) is not default


def test_replicas_of_one_database_each_once(own):
    own("default", REPLICAS=["one", "two", "one"])
    assert MigrationSettings.load("default").replicas == ("one", "two")


@pytest.mark.parametrize(
    ("value", "what"), [("replica", "is of type str"), (None, "is of type NoneType"), (["one", 2], "has 2, which")]
)
def test_replicas_that_are_not_a_list_of_aliases(own, value, what):
    own("default", REPLICAS=value)
    problem = only_problem()
    assert (problem.kind, what in problem.message) == (Kind.VALUE, True)
    assert problem.hint == 'Write a list of aliases in DATABASES, such as ["replica"].'


def test_settings_of_one_database_do_not_reach_another(own):
    own("default", LOCK_TIMEOUT="2s")
    assert MigrationSettings.load("stock").lock_timeout is None


def test_setting_of_the_database_wins_over_the_flat_one(own):
    own("default", LOCK_TIMEOUT="2s")
    with flat(LOCK_TIMEOUT="3s"):
        assert MigrationSettings.load("default").lock_timeout == 2000
        assert MigrationSettings.load("stock").lock_timeout == 3000


def test_none_of_the_database_wins_over_the_flat_one(own):
    own("default", LOCK_TIMEOUT=None)
    with flat(LOCK_TIMEOUT="3s"):
        assert MigrationSettings.load("default").lock_timeout is None


def test_flat_setting_fills_what_the_database_leaves_out(own):
    own("default", LOCK_TIMEOUT="2s")
    with flat(RAISE_FOR_UNSAFE=True):
        loaded = MigrationSettings.load("default")
    assert (loaded.lock_timeout, loaded.raise_for_unsafe) == (2000, True)


@pytest.mark.filterwarnings("ignore:Overriding setting DATABASES:UserWarning")
def test_overridden_database_counts_at_once():
    database = {"ZERO_DOWNTIME_MIGRATIONS": {"LOCK_TIMEOUT": "2s"}}
    with override_settings(DATABASES={"default": database}):
        assert MigrationSettings.load("default").lock_timeout == 2000


@pytest.mark.filterwarnings("ignore:Overriding setting DATABASES:UserWarning")
def test_database_that_only_the_connections_know_has_its_settings(monkeypatch):
    monkeypatch.setitem(connections.settings, "later", {"ZERO_DOWNTIME_MIGRATIONS": {"LOCK_TIMEOUT": "2s"}})
    with override_settings(DATABASES={}):
        assert MigrationSettings.load("later").lock_timeout == 2000


def test_unknown_database_has_the_flat_settings():
    with flat(LOCK_TIMEOUT="2s"):
        assert MigrationSettings.load("nowhere").lock_timeout == 2000


def test_change_counts_at_once(own):
    before = MigrationSettings.load("default").lock_timeout
    with flat(LOCK_TIMEOUT="2s"):
        during = MigrationSettings.load("default").lock_timeout
    assert (before, during, MigrationSettings.load("default").lock_timeout) == (None, 2000, None)


def test_second_spelling_of_deferred_sql():
    with override_settings(ZERO_DOWNTIME_DEFERRED_SQL=False):
        assert MigrationSettings.load("default").deferred_sql is False
        assert problems("default") == []


def test_regular_spelling_of_deferred_sql_wins():
    with override_settings(ZERO_DOWNTIME_DEFERRED_SQL=False, ZERO_DOWNTIME_MIGRATIONS_DEFERRED_SQL=True):
        assert MigrationSettings.load("default").deferred_sql is True


# The statement timeout of short steps.


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, None),
        ({"lock_timeout": 0}, None),
        ({"lock_timeout": 2000}, 2200),
        ({"lock_timeout": 200}, 300),
        ({"lock_timeout": 2**31 - 1}, 2**31 - 1),
        ({"lock_timeout": 2000, "statement_timeout": 1000}, 1000),
        ({"lock_timeout": 2000, "statement_timeout": 0}, 0),
        ({"statement_timeout": 1000}, 1000),
    ],
)
def test_statement_timeout_of_a_short_step(given, expected):
    assert MigrationSettings(**given).short_statement_timeout == expected


# Wrong values.


@pytest.mark.parametrize("name", DURATIONS)
@pytest.mark.parametrize("value", ["2 seconds", True, 1.5, -1, "100us"])
def test_wrong_flat_duration_is_refused_with_name_value_and_what_is_accepted(name, value):
    with flat(**{name: value}), pytest.raises(ImproperlyConfigured) as refused:
        MigrationSettings.load("default")
    message = str(refused.value)
    assert f"The setting ZERO_DOWNTIME_MIGRATIONS_{name} = {value!r} " in message
    assert "Write '2s', '500ms'" in message


@pytest.mark.parametrize(("name", "zero"), [("LOCK_TIMEOUT", "0 for no limit"), ("MIGRATE_LOCK_TIMEOUT", "0 to fail")])
def test_wrong_duration_is_refused_with_what_zero_would_mean(name, zero):
    with flat(**{name: "soon"}), pytest.raises(ImproperlyConfigured, match=zero):
        MigrationSettings.load("default")


@pytest.mark.parametrize(("name", "default"), FLAGS)
@pytest.mark.parametrize("value", ["False", 0, 1, None])
@pytest.mark.filterwarnings("ignore:.*KEEP_DEFAULT.*:DeprecationWarning")
def test_wrong_flag_is_refused_with_name_value_and_what_is_accepted(name, default, value):
    if (name, value) == ("IDEMPOTENT_SQL", None):
        value = "None"
    with flat(**{name: value}):
        assert f"ZERO_DOWNTIME_MIGRATIONS_{name} = {value!r} is of type" in problems("default")[0].message
        with pytest.raises(ImproperlyConfigured, match="Write True or False"):
            MigrationSettings.load("default")


def test_wrong_value_of_a_database_is_refused_with_its_alias(own):
    own("default", LOCK_TIMEOUT="2 weeks")
    with pytest.raises(ImproperlyConfigured) as refused:
        MigrationSettings.load("default")
    assert str(refused.value).startswith(
        "DATABASES['default']['ZERO_DOWNTIME_MIGRATIONS']['LOCK_TIMEOUT'] = '2 weeks' "
        "has a unit that PostgreSQL does not know, 'weeks'. Write '2s'"
    )


@pytest.mark.parametrize("value", [None, [("LOCK_TIMEOUT", "2s")], 2])
def test_settings_of_a_database_that_are_no_dict_are_refused(monkeypatch, settings, value):
    monkeypatch.setitem(settings.DATABASES["default"], "ZERO_DOWNTIME_MIGRATIONS", value)
    with pytest.raises(ImproperlyConfigured) as refused:
        MigrationSettings.load("default")
    assert str(refused.value) == (
        f"DATABASES['default']['ZERO_DOWNTIME_MIGRATIONS'] = {value!r} is of type {type(value).__name__}. "
        'Write "recommended", or a dict, such as {"LOCK_TIMEOUT": "2s"}.'
    )
    assert only_problem().kind is Kind.VALUE


def test_wrong_value_that_does_not_count_is_a_problem_but_does_not_stop(own):
    own("default", LOCK_TIMEOUT="2s")
    with flat(LOCK_TIMEOUT="soon"):
        assert MigrationSettings.load("default").lock_timeout == 2000
        assert only_problem().kind is Kind.VALUE


def test_every_wrong_value_is_a_problem_of_its_own(own):
    own("default", LOCK_TIMEOUT="soon", RAISE_FOR_UNSAFE="yes")
    with flat(STATEMENT_TIMEOUT="later"):
        assert [problem.kind for problem in problems("default")] == [Kind.VALUE] * 3


# Unknown names.


@pytest.mark.parametrize(
    ("name", "likely"),
    [
        ("ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOT", "ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT"),
        ("ZERO_DOWNTIME_MIGRATION_LOCK_TIMEOUT", "ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT"),
        ("ZERO_DOWNTIME_LOCK_TIMEOUT", "ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT"),
        ("ZERO_DOWN_TIME_MIGRATIONS_LOCK_TIMEOUT", "ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT"),
        ("ZERO_DOWNTIME_MIGRATIONS_STATEMENT_TIMEOUTS", "ZERO_DOWNTIME_MIGRATIONS_STATEMENT_TIMEOUT"),
        ("ZERO_DOWNTIME_MIGRATIONS_RAISE_ON_UNSAFE", "ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE"),
        ("ZERO_DOWNTIME_MIGRATIONS_BASE_BACKENDS", "ZERO_DOWNTIME_MIGRATIONS_BASE_BACKEND"),
    ],
)
def test_misspelt_flat_name_is_a_problem_with_the_likely_name(name, likely):
    with override_settings(**{name: "2s"}):
        problem = only_problem()
    assert problem.kind is Kind.NAME
    assert problem.message == f"The setting {name} is not a setting that we know"
    assert problem.hint == f"Write {likely}."


def test_flat_name_like_no_other_is_a_problem_with_all_names():
    with override_settings(ZERO_DOWNTIME_XYZZY=1):
        problem = only_problem()
    assert problem.hint.startswith("The names are ZERO_DOWNTIME_MIGRATIONS_PRESET, ZERO_DOWNTIME_MIGRATIONS_")


def test_flat_dict_is_a_problem_that_says_where_it_belongs():
    with override_settings(ZERO_DOWNTIME_MIGRATIONS={"LOCK_TIMEOUT": "2s"}):
        problem = only_problem()
    assert problem.kind is Kind.NAME
    assert problem.hint.startswith("Write it as DATABASES[alias]['ZERO_DOWNTIME_MIGRATIONS']")


@pytest.mark.parametrize("name", ["LOCK_TIMEOT", "lock_timeout", "ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT"])
def test_misspelt_name_of_a_database_is_a_problem_with_the_likely_name(own, name):
    own("default", **{name: "2s"})
    problem = only_problem()
    assert problem.kind is Kind.NAME
    assert problem.message.startswith(f"DATABASES['default']['ZERO_DOWNTIME_MIGRATIONS']['{name}']")
    assert problem.hint == 'Write "LOCK_TIMEOUT".'


def test_name_that_is_no_text_is_a_problem(monkeypatch, settings):
    monkeypatch.setitem(settings.DATABASES["default"], "ZERO_DOWNTIME_MIGRATIONS", {7: True})
    assert only_problem().message.startswith("DATABASES['default']['ZERO_DOWNTIME_MIGRATIONS'][7]")


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("ZERO_DOWNTIME_MIGRATION", 'Write "ZERO_DOWNTIME_MIGRATIONS": {…}.'),
        ("ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT", 'Write "ZERO_DOWNTIME_MIGRATIONS": {"LOCK_TIMEOUT": …}.'),
    ],
)
def test_misspelt_key_beside_the_settings_of_a_database_is_a_problem(monkeypatch, settings, key, hint):
    monkeypatch.setitem(settings.DATABASES["default"], key, "2s")
    problem = only_problem()
    assert (problem.kind, problem.hint) == (Kind.NAME, hint)
    assert problem.message == f"DATABASES['default'][{key!r}] is not read"


def test_unknown_name_does_not_stop(own):
    own("default", LOCK_TIMEOT="2s")
    assert MigrationSettings.load("default").lock_timeout is None


def test_name_of_another_package_is_no_problem():
    with override_settings(ZERO_COPY=True, MY_ZERO_DOWNTIME_SETTING=1):
        assert problems("default") == []


def test_setting_that_the_baseline_once_had_is_a_warning():
    with flat(USE_NOT_NULL=True):
        assert only_problem().kind is Kind.GONE


def test_setting_of_a_database_that_the_baseline_once_had_is_a_warning(own):
    own("default", USE_NOT_NULL=True)
    assert only_problem().kind is Kind.GONE


# KEEP_DEFAULT: the versions of Django before 5.0 have no db_default.


@pytest.mark.parametrize("value", [True, False])
def test_keep_default_counts_only_where_django_has_no_db_default(value):
    with flat(KEEP_DEFAULT=value), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loaded = MigrationSettings.load("default")
        kinds = [problem.kind for problem in problems("default")]
    assert loaded.keep_default is (value and not has_db_default)
    assert [warning.category for warning in caught] == [DeprecationWarning] * has_db_default
    assert kinds == [Kind.NO_EFFECT] * has_db_default


def test_keep_default_stated_twice_warns_once_a_load(own):
    own("default", KEEP_DEFAULT=True)
    with flat(KEEP_DEFAULT=True), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        MigrationSettings.load("default")
    assert len(caught) == has_db_default


def test_effective_settings_come_without_a_deprecation_warning(own):
    own("default", KEEP_DEFAULT=True, LOCK_TIMEOUT="2s")
    assert effective("default").lock_timeout == 2000


# BASE_BACKEND.


def test_base_backend_is_read_without_an_alias():
    with flat(BASE_BACKEND="django_prometheus.db.backends.postgresql"):
        assert base_backend() == "django_prometheus.db.backends.postgresql"
        assert MigrationSettings.load("default").base_backend == "django_prometheus.db.backends.postgresql"


def test_base_backend_is_empty_where_it_is_not_set():
    assert base_backend() == ""


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "is of type NoneType"),
        ("", "is not a dotted module path"),
        ("some/path.py", "is not a dotted module path"),
        ("django_zero_downtime_migrations.backends.postgres", "is one of the backends that are themselves built"),
    ],
)
def test_wrong_base_backend_is_refused(value, reason):
    with flat(BASE_BACKEND=value), pytest.raises(ImproperlyConfigured, match=reason):
        base_backend()


def test_base_backend_of_one_database_is_a_problem(own):
    own("default", BASE_BACKEND="django_prometheus.db.backends.postgresql")
    problem = only_problem()
    assert problem.kind is Kind.NAME
    assert problem.hint.startswith("Write ZERO_DOWNTIME_MIGRATIONS_BASE_BACKEND:")
