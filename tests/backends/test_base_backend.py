"""ZERO_DOWNTIME_MIGRATIONS_BASE_BACKEND: the classes of another backend under ours."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql.base import DatabaseWrapper as PostgresWrapper

from django_zero_downtime_migrations.backends.postgres.base import DatabaseWrapper
from django_zero_downtime_migrations.backends.postgres.features import FeaturesMixin
from django_zero_downtime_migrations.backends.postgres.introspection import IntrospectionMixin
from django_zero_downtime_migrations.backends.postgres.named_base import built_on
from django_zero_downtime_migrations.backends.postgres.operations import OperationsMixin
from django_zero_downtime_migrations.backends.postgres.schema import DatabaseSchemaEditor, DatabaseSchemaEditorMixin
from django_zero_downtime_migrations.backends.postgres.validation import DatabaseValidation
from tests.backends.fixtures import Twins
from tests.backends.other_backend import base as other
from tests.backends.project import ROOT, Shop, Site
from tests.backends.test_mixin import AUTHOR, BOOK, CHANGES

OURS = "django_zero_downtime_migrations.backends.postgres"
OVER_OTHER = "tests.backends.over_other_backend"
SETTING = "ZERO_DOWNTIME_MIGRATIONS_BASE_BACKEND"
KINDS = """
from django.db import connections
connection = connections["default"]
print(*(f"{base.__module__}.{base.__name__}" for base in type(connection).__mro__), sep="\\n")
"""
DEFAULT = f"""
import sys
from {OURS}.base import DatabaseWrapper
from django.db.backends.postgresql.base import DatabaseWrapper as PostgresWrapper
print(DatabaseWrapper.__mro__[1] is PostgresWrapper, "{OURS}.named_base" in sys.modules)
"""


def python(code: str) -> str:
    """Return what the code prints in a process without settings."""
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def over_other(make_connection: Callable[..., BaseDatabaseWrapper]) -> Any:
    return make_connection(OVER_OTHER)


@pytest.mark.parametrize("configure", ["", "from django.conf import settings; settings.configure()"])
def test_without_the_setting_nothing_stands_between_ours_and_django(configure: str) -> None:
    assert python(configure + DEFAULT) == "True False\n"


def test_named_backend_stands_between_ours_and_django(site: Site) -> None:
    site.settings[SETTING] = "tests.backends.other_backend"
    names = site.manage("shell", "-c", KINDS).stdout.splitlines()
    wanted = [f"{OURS}.base", "tests.backends.other_backend.base", "django.db.backends.postgresql.base"]
    places = [names.index(f"{module}.DatabaseWrapper") for module in wanted]
    assert places == sorted(places)


def test_each_class_of_the_named_backend_is_under_ours(over_other: Any) -> None:
    pairs = {
        type(over_other): (DatabaseWrapper, other.DatabaseWrapper),
        over_other.SchemaEditorClass: (DatabaseSchemaEditorMixin, other.DatabaseSchemaEditor),
        type(over_other.features): (FeaturesMixin, other.DatabaseFeatures),
        type(over_other.introspection): (IntrospectionMixin, other.DatabaseIntrospection),
        type(over_other.ops): (OperationsMixin, other.DatabaseOperations),
        type(over_other.validation): (DatabaseValidation, DatabaseValidation),
    }
    for kind, (ours, theirs) in pairs.items():
        assert kind.__mro__.index(ours) <= kind.__mro__.index(theirs)


def test_class_that_the_named_backend_takes_from_django_is_ours_alone() -> None:
    made = built_on("django.db.backends.postgresql", DatabaseWrapper, PostgresWrapper)
    assert made.SchemaEditorClass is DatabaseSchemaEditor
    for name in ("features_class", "introspection_class", "ops_class", "validation_class"):
        assert getattr(made, name) is getattr(DatabaseWrapper, name)


def test_what_the_named_backend_does_differently_it_still_does(over_other: Any) -> None:
    shop = Shop(over_other)
    shop.migrate(AUTHOR, migrations.CreateModel("hidden", [], {"db_table": "hidden"}))
    assert shop.run("SELECT reloptions FROM pg_class WHERE relname = 'shop_author'") == [(["fillfactor=70"],)]
    assert "hidden" not in over_other.introspection.table_names()
    assert over_other.features.of_other_backend


def test_migrations_on_the_named_backend_give_what_they_give_on_it_alone(
    over_other: Any, make_connection: Callable[..., BaseDatabaseWrapper], dump: Callable[..., str]
) -> None:
    twins = Twins(Shop(over_other), Shop(make_connection("tests.backends.other_backend")), dump)
    twins.migrate(AUTHOR, BOOK)
    twins.run("INSERT INTO shop_author VALUES (1); INSERT INTO shop_book (title, author_id) VALUES ('a', 1)")
    for change in CHANGES:
        twins.migrate(change)


def test_indexes_on_the_named_backend_are_built_concurrently(over_other: Any) -> None:
    shop = Shop(over_other)
    shop.migrate(AUTHOR, BOOK)
    sql = shop.collected(migrations.AddIndex("book", models.Index(fields=["pages"], name="by_pages")))
    assert 'CREATE INDEX CONCURRENTLY "by_pages" ON "shop_book" ("pages");' in sql


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("no_such_backend", "cannot be imported: No module named 'no_such_backend'"),
        ("tests.backends.over_other_backend", "is itself built on ours: make it the ENGINE, and remove the setting"),
        ("django.db.backends.sqlite3", "it is not derived from django.db.backends.postgresql"),
        ("django.db.backends", "is not a database backend: django.db.backends.base has no class DatabaseWrapper"),
    ],
)
def test_backend_that_cannot_be_built_on_is_refused_by_the_name_of_the_setting(path: str, reason: str) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        built_on(path, DatabaseWrapper, PostgresWrapper)
    assert str(caught.value).startswith(f"{SETTING} = {path!r} ")
    assert reason in str(caught.value)


def test_backend_that_imports_ours_while_it_is_named_is_refused(site: Site) -> None:
    (site.folder / "around").mkdir()
    (site.folder / "around" / "base.py").write_text(f"from {OURS}.base import DatabaseWrapper\n")
    site.settings[SETTING] = "around"
    assert f"{SETTING} = 'around' is itself built on ours" in site.refused("migrate")
