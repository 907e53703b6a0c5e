"""django-prometheus below us: its connections count queries, ours migrate."""

from __future__ import annotations

import pytest
from django.conf import settings

from tests.works_with.history import Compare, Run, same_history
from tests.works_with.project import Project

COUNTED = """
from django.core.management import call_command
from prometheus_client import REGISTRY
def executed():
    return REGISTRY.get_sample_value("django_db_execute_total", {"alias": "default", "vendor": "postgresql"}) or 0
call_command("migrate", verbosity=0)
print(executed() > 0)
print(REGISTRY.get_sample_value("django_db_new_connections_total", {"alias": "default", "vendor": "postgresql"}))
"""
BASES = """
from django.db import connections
connection = connections["default"]
kinds = [type(connection), connection.SchemaEditorClass, type(connection.features), type(connection.introspection)]
print(*(any(base.__module__.startswith("django_zero_downtime_migrations.") for base in kind.__mro__) for kind in kinds))
print(*(base.__module__ for base in kinds[0].__mro__[:4]))
"""


@pytest.fixture
def engines() -> tuple[str, str]:
    return settings.ENGINE, "django_prometheus.db.backends.postgresql"


def test_history_is_that_of_the_package_alone(ours: Project, stock: Project, both: Run, compare: Compare) -> None:
    same_history(ours, stock, both, compare)


def test_its_counters_count_what_a_migration_sends(both: Run, ours: Project, stock: Project) -> None:
    for project in (stock, ours):
        assert project.python(COUNTED) == "True\n1.0\n"


def test_its_connection_is_between_ours_and_that_of_django(ours: Project) -> None:
    ours_in_all, modules = ours.python(BASES).splitlines()
    assert ours_in_all == "True True True True"
    assert modules.split()[:3] == [
        "django_zero_downtime_migrations.backends.postgres.base",
        "django_zero_downtime_migrations.backends.postgres.base",
        "django_prometheus.db.backends.postgresql.base",
    ]
