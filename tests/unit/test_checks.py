"""System checks of the settings: which message, for which database, and how often."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
from django.apps import apps
from django.core import checks
from django.core.checks.registry import registry
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper
from django.test import modify_settings

from django_zero_downtime_migrations.backends.postgres.validation import DatabaseValidation
from django_zero_downtime_migrations.checks import (
    TAG,
    check_database,
    check_distributions,
    check_settings,
    has_our_engine,
)
from django_zero_downtime_migrations.compat import has_db_default
from django_zero_downtime_migrations.presets import PRESETS

OUR_APP = "django_zero_downtime_migrations"


class DerivedWrapper(DatabaseWrapper):
    """An engine of a project, which has our validation."""

    validation_class = DatabaseValidation


@pytest.fixture
def add_database(monkeypatch, settings):
    """add_database(alias, engine, NAME=value): a database without connections."""
    added = []

    def add(alias, engine, **own):
        parameters = {**connections.settings["default"], "ENGINE": engine, "ZERO_DOWNTIME_MIGRATIONS": own}
        monkeypatch.setitem(settings.DATABASES, alias, parameters)
        monkeypatch.setitem(connections.settings, alias, parameters)
        added.append(alias)
        return connections[alias]

    yield add
    for alias in added:
        del connections[alias]


@pytest.fixture
def derived_engine(monkeypatch):
    """The path of an engine outside our package whose classes derive from ours."""
    base = ModuleType("derived.base")
    base.DatabaseWrapper = DerivedWrapper
    monkeypatch.setitem(sys.modules, "derived", ModuleType("derived"))
    monkeypatch.setitem(sys.modules, "derived.base", base)
    return "derived"


@pytest.fixture
def our_app():
    """Our app in INSTALLED_APPS, and its check registered no longer than that."""
    with modify_settings(INSTALLED_APPS={"append": OUR_APP}):
        yield apps.get_app_config(OUR_APP)
    registry.registered_checks.discard(check_settings)
    registry.registered_checks.discard(check_distributions)


def ids(messages):
    return [message.id for message in messages]


def of_ours(messages):
    return [message for message in messages if message.id.startswith(TAG)]


# Which message.


@pytest.fixture
def own(monkeypatch, settings):
    """own(NAME=value): the settings of the database `default`."""

    def write(**values):
        monkeypatch.setitem(settings.DATABASES["default"], "ZERO_DOWNTIME_MIGRATIONS", values)

    return write


def test_sensible_settings_have_no_message(own):
    own(LOCK_TIMEOUT="2s", FLEXIBLE_STATEMENT_TIMEOUT=True, RAISE_FOR_UNSAFE=True)
    assert check_database("default") == []


def test_wrong_value_is_an_error(own):
    own(LOCK_TIMEOUT="2 seconds")
    (message,) = check_database("default")
    assert (message.id, message.level) == (f"{TAG}.E001", checks.ERROR)
    assert message.msg == (
        "DATABASES['default']['ZERO_DOWNTIME_MIGRATIONS']['LOCK_TIMEOUT'] = '2 seconds' "
        "has a unit that PostgreSQL does not know, 'seconds'."
    )
    assert message.hint.startswith("Write '2s', ")


def test_unknown_name_is_an_error(own):
    own(LOCK_TIMEOUT="2s", RAISE_FOR_UNSAVE=True)
    (message,) = check_database("default")
    assert (message.id, message.level) == (f"{TAG}.E002", checks.ERROR)
    assert message.hint == 'Write "RAISE_FOR_UNSAFE".'


def test_name_that_the_baseline_once_had_is_a_warning(own):
    own(LOCK_TIMEOUT="2s", USE_NOT_NULL=True)
    (message,) = check_database("default")
    assert (message.id, message.level) == (f"{TAG}.W001", checks.WARNING)


def test_keep_default_is_a_warning_where_it_has_no_effect(own):
    own(LOCK_TIMEOUT="2s", KEEP_DEFAULT=True)
    assert ids(check_database("default")) == [f"{TAG}.W002"] * has_db_default


def test_no_lock_timeout_is_a_warning_that_says_what_to_write(own):
    own()
    (message,) = check_database("default")
    assert (message.id, message.level) == (f"{TAG}.W003", checks.WARNING)
    assert message.hint == (
        'Write DATABASES["default"]["ZERO_DOWNTIME_MIGRATIONS"] = "recommended", which sets what most projects need, '
        'or DATABASES["default"]["ZERO_DOWNTIME_MIGRATIONS"] = {"LOCK_TIMEOUT": "2s"}; '
        'ZERO_DOWNTIME_MIGRATIONS_PRESET = "recommended" or ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT = "2s" '
        "for all databases."
    )


@pytest.mark.parametrize("preset", PRESETS)
def test_preset_that_is_offered_has_no_message(own, preset):
    own(PRESET=preset)
    assert check_database("default") == []


@pytest.mark.parametrize("lock_timeout", ["5001ms", "1min", 0])
@pytest.mark.parametrize("statement_timeout", [None, 0])
def test_long_lock_timeout_without_a_statement_timeout_is_a_warning(own, lock_timeout, statement_timeout):
    own(LOCK_TIMEOUT=lock_timeout, STATEMENT_TIMEOUT=statement_timeout)
    (message,) = check_database("default")
    assert (message.id, message.level) == (f"{TAG}.W004", checks.WARNING)


@pytest.mark.parametrize(("lock_timeout", "statement_timeout"), [("5s", None), ("3s", "1min"), (0, "3s")])
def test_bounded_wait_has_no_message(own, lock_timeout, statement_timeout):
    own(LOCK_TIMEOUT=lock_timeout, STATEMENT_TIMEOUT=statement_timeout)
    assert check_database("default") == []


# Of two distributions with one package.


@pytest.fixture
def other_distribution(tmp_path, monkeypatch):
    """Make the metadata that pip leaves of an installed distribution, on the path of this process."""
    folder = tmp_path / "django_pg_zero_downtime_migrations-0.20.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: django-pg-zero-downtime-migrations\nVersion: 0.20\n")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_other_distribution_is_not_there():
    assert check_distributions() == []


def test_other_distribution_beside_ours_is_an_error_with_both_commands(other_distribution):
    (message,) = check_distributions()
    assert (message.id, message.level) == (f"{TAG}.E004", checks.ERROR)
    assert "django-pg-zero-downtime-migrations 0.20 is installed" in message.msg
    uninstall = message.hint.index("pip uninstall django-pg-zero-downtime-migrations")
    assert uninstall < message.hint.index("pip install --force-reinstall --no-deps django-online-migrations")


@pytest.mark.parametrize("apps", [[], [OUR_APP]])
def test_migrate_stops_while_both_are_installed(site, other_distribution, apps):
    """Both with our app and without; `site` has its folder on the path of its processes, and so what is in it."""
    assert site.folder == other_distribution
    site.settings["INSTALLED_APPS"] = [*site.settings["INSTALLED_APPS"], *apps]
    assert site.refused().count(f"{TAG}.E004") == 1


# For which database.


@pytest.mark.parametrize("engine", [f"{OUR_APP}.backends.postgres", f"{OUR_APP}.backends.postgis"])
def test_our_engines_are_known_without_loading_them(monkeypatch, settings, engine):
    monkeypatch.setitem(settings.DATABASES, "ours", {"ENGINE": engine})
    monkeypatch.setitem(sys.modules, f"{engine}.base", None)
    assert has_our_engine("ours")


def test_engine_derived_from_ours_is_known(add_database, derived_engine):
    add_database("derived", derived_engine)
    assert has_our_engine("derived")


@pytest.mark.parametrize(
    "engine",
    [
        "django.db.backends.postgresql",
        "django.db.backends.sqlite3",
        "django.db.backends.dummy",
        "nowhere.to.be.found",
        f"{OUR_APP}.backends_of_others",
        "",
    ],
)
def test_other_engine_is_not_ours(monkeypatch, settings, engine):
    monkeypatch.setitem(settings.DATABASES, "other", {"ENGINE": engine})
    assert not has_our_engine("other")


def test_database_with_another_engine_is_not_checked():
    assert check_settings(databases=["stock"]) == []


def test_all_databases_are_checked_where_none_is_named(add_database, derived_engine):
    add_database("one", derived_engine)
    add_database("two", derived_engine)
    found = " ".join(message.msg for message in check_settings(databases=None))
    assert all(f"database {alias!r}" in found for alias in ("default", "one", "two"))


def test_only_the_named_database_is_checked(add_database, derived_engine):
    add_database("one", derived_engine)
    add_database("two", derived_engine, LOCK_TIMEOUT="soon")
    assert ids(check_settings(databases=["one"])) == [f"{TAG}.W003"]


def test_wrong_flat_setting_is_told_once_for_all_databases(add_database, derived_engine, settings):
    add_database("one", derived_engine)
    add_database("two", derived_engine)
    settings.ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT = "soon"
    assert ids(check_settings()) == [f"{TAG}.E001"]


# By which way.


def test_app_checks_without_a_named_database(our_app, add_database, derived_engine):
    add_database("derived", derived_engine, LOCK_TIMEOUT="soon")
    assert f"{TAG}.E001" in ids(checks.run_checks())


def test_app_checks_under_its_own_tag(our_app, add_database, derived_engine):
    add_database("derived", derived_engine, LOCK_TIMEOUT="soon")
    assert f"{TAG}.E001" in ids(checks.run_checks(tags=[TAG], databases=["derived"]))


def test_connection_checks_where_the_app_is_not_installed(add_database, derived_engine):
    add_database("derived", derived_engine, LOCK_TIMEOUT="soon")
    assert ids(of_ours(checks.run_checks(databases=["derived"]))) == [f"{TAG}.E001"]


def test_nothing_is_told_twice_where_the_app_is_installed(our_app, add_database, derived_engine):
    add_database("derived", derived_engine, LOCK_TIMEOUT="soon")
    assert ids(of_ours(checks.run_checks(databases=["derived"]))) == [f"{TAG}.E001"]


def test_connection_keeps_the_checks_of_another_validation_class(add_database, derived_engine):
    class OtherValidation(DatabaseValidation.__base__):
        def check(self, **kwargs):
            return [checks.Info("other", id="other.I001")]

    class BothValidation(DatabaseValidation, OtherValidation):
        pass

    connection = add_database("derived", derived_engine)
    assert ids(BothValidation(connection).check()) == ["other.I001", f"{TAG}.W003"]


def test_names_of_the_app(our_app):
    assert (our_app.name, our_app.label, our_app.verbose_name) == (OUR_APP, OUR_APP, "Zero-downtime migrations")


def test_checks_do_not_connect(our_app, add_database, derived_engine):
    connection = add_database("derived", derived_engine, LOCK_TIMEOUT="2s")
    checks.run_checks()
    assert connection.connection is None


def test_lock_timeout_that_the_statement_timeout_ends_first_is_a_warning(own):
    own(LOCK_TIMEOUT="3s", STATEMENT_TIMEOUT="2s")
    (message,) = check_database("default")
    assert (message.id, message.level) == (f"{TAG}.W005", checks.WARNING)
    assert "LOCK_TIMEOUT (3000 ms)" in message.msg
    assert "STATEMENT_TIMEOUT (2000 ms)" in message.msg


def test_retries_that_end_before_the_first_attempt_are_a_warning(own):
    own(LOCK_TIMEOUT="3s", LOCK_RETRY_TIMEOUT="2s")
    (message,) = check_database("default")
    assert (message.id, message.level) == (f"{TAG}.W006", checks.WARNING)
    assert "LOCK_RETRY_TIMEOUT (2000 ms)" in message.msg


@pytest.mark.parametrize("more", [{"STATEMENT_TIMEOUT": 0}, {"LOCK_RETRY_TIMEOUT": 0}, {"LOCK_RETRY_TIMEOUT": "3s"}])
def test_timeouts_that_go_together_have_no_message(own, more):
    own(LOCK_TIMEOUT="3s", **more)
    assert check_database("default") == []


def test_start_of_an_app_that_is_not_installed_is_an_error(own, our_app):
    own(LOCK_TIMEOUT="2s", CHECK_START={"django_zero_downtime_migration": "0001_initial", OUR_APP: "0001_initial"})
    (message,) = check_database("default")
    assert (message.id, message.level) == (f"{TAG}.E003", checks.ERROR)
    assert message.hint == f'Write "{OUR_APP}".'


def test_replicas_are_aliases_of_other_databases(own, add_database, derived_engine):
    add_database("replica", derived_engine)
    own(LOCK_TIMEOUT="2s", LOCK_RETRY_TIMEOUT="10min", REPLICAS=["replica", "replika", "default"])
    unknown, itself = check_database("default")
    assert (unknown.id, unknown.level, itself.id) == (f"{TAG}.E006", checks.ERROR, f"{TAG}.E006")
    assert "names 'replika', which is not an alias" in unknown.msg and "Write 'replica'." in unknown.hint
    assert "names 'default', which is the database itself" in itself.msg


def test_replicas_that_nothing_asks_are_a_warning(own, add_database, derived_engine):
    add_database("replica", derived_engine)
    own(LOCK_TIMEOUT="2s", REPLICAS=["replica"])
    (message,) = check_database("default")
    assert (message.id, message.level) == (f"{TAG}.W007", checks.WARNING)
    assert "LOCK_RETRY_TIMEOUT" in message.hint


def test_an_online_type_change_that_cannot_go_on_is_a_warning(own):
    own(LOCK_TIMEOUT="2s", ONLINE_TYPE_CHANGES=True, IDEMPOTENT_SQL=False)
    (message,) = check_database("default")
    assert (message.id, message.level) == (f"{TAG}.W009", checks.WARNING)
    assert "IDEMPOTENT_SQL" in message.hint
    own(LOCK_TIMEOUT="2s", ONLINE_TYPE_CHANGES=True)
    assert check_database("default") == []
