"""A process imports little of the package where nothing is migrated, and nothing that plans on an empty database."""

from __future__ import annotations

import pytest

from tests.backends.project import Site

from .test_queries import CONTRIB

PACKAGE = "django_zero_downtime_migrations"
#: What only a plan needs.
PLANS = ("catalog", "judging", "planning", "rewrites", "rules", "states", "type_changes")
QUERY = """
import sys, django; django.setup()
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("SELECT 1")
"""
MIGRATE = """
from django.core.management import call_command
call_command("migrate", verbosity=0)
"""
SAY = f"print(*(name for name in sys.modules if name.startswith('{PACKAGE}')))"


def imported(site: Site, code: str) -> list[str]:
    """The modules of ours that a process has imported in the end. The tests' own processes begin with all of them."""
    site.program = ["-c", f"{code}{SAY}"]
    done = site.manage()
    assert done.returncode == 0, done.stdout
    return done.stdout.split()


@pytest.mark.parametrize("apps", [[], [PACKAGE]])
def test_a_process_that_migrates_nothing(site: Site, apps: list[str]) -> None:
    site.settings["INSTALLED_APPS"] = [*CONTRIB, *apps]
    modules = imported(site, QUERY)
    assert f"{PACKAGE}.backends.postgres.base" in modules
    assert len(modules) <= 25


def test_a_database_from_scratch(site: Site) -> None:
    site.settings |= {"INSTALLED_APPS": CONTRIB, "SITE_ID": 1}
    modules = imported(site, QUERY + MIGRATE)
    assert f"{PACKAGE}.backends.postgres.on_new_database" in modules
    assert len(modules) <= 60
    assert not [name for name in modules if name.split(".")[1:2] and name.split(".")[1] in PLANS]
    assert f"{PACKAGE}.backends.postgres.schema" not in modules
