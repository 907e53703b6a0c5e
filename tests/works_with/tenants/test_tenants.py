"""django-tenants on us: the same tables stand in the schema of each tenant, and what they share in one of its own."""

from __future__ import annotations

import pytest

from tests.works_with.history import ROWS, Compare, Run
from tests.works_with.project import Project

NEW_TENANT = """
from tests.works_with.tenants.customers.models import Client
Client(schema_name="three", name="three").save(verbosity=0)
"""
COMMANDS = """
from django.core.management import call_command
for tenant_app in ("shop", "notes"):
    call_command("migrate_schemas", "--tenant", tenant_app, "{}", verbosity=0)
"""
TWO = """
INSERT INTO customers_client (schema_name, name) VALUES ('one', 'one'), ('two', 'two');
CREATE SCHEMA one;
CREATE SCHEMA two
"""
ROWS_OF_TWO = f"""
SET search_path = two;
{ROWS.read_text("utf-8")}
INSERT INTO notes_note (text) VALUES ('n');
RESET search_path
"""
INDEXES = "SELECT schemaname::text, indexname::text FROM pg_indexes WHERE indexname = 'by_weight' ORDER BY 1"


@pytest.fixture
def two_tenants(both: Run, ours: Project, stock: Project) -> None:
    """Make two tenants with the first migrations of each app; only the second has rows."""
    both("migrate_schemas", "--shared", "customers", "0001")
    for project in (ours, stock):
        project.sql(TWO)
        project.python(COMMANDS.format("0001"))
        project.sql(ROWS_OF_TWO)


def test_history_of_two_tenants_is_that_of_stock(
    two_tenants: None, ours: Project, stock: Project, both: Run, compare: Compare
) -> None:
    both("migrate_schemas")
    compare()
    for project in (ours, stock):
        project.python(NEW_TENANT)
    compare()
    ours.allow_unsafe()
    for project in (ours, stock):
        project.python(COMMANDS.format("zero"))
    compare()


def test_a_tenant_is_migrated_alone(two_tenants: None, ours: Project, both: Run, compare: Compare) -> None:
    both("migrate_schemas", "--shared")
    both("migrate_schemas", "--schema", "two")
    compare()
    assert ours.sql(INDEXES) == [("two", "by_weight")]


def test_tenants_in_processes_of_their_own(two_tenants: None, both: Run, compare: Compare) -> None:
    both("migrate_schemas", "--executor", "multiprocessing")
    compare()
