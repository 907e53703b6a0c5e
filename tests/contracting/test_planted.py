"""Another role has put something under a name that a trigger for old code would have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from django.db import migrations, models

from tests.backends.sessions import run

from .versions import Project

OWNED = """
SELECT 'FUNCTION ' || p.oid::regprocedure::text FROM pg_proc p
WHERE p.pronamespace = 'public'::regnamespace AND p.proname LIKE '%zdm%'
UNION ALL SELECT 'SEQUENCE ' || c.oid::regclass::text FROM pg_class c WHERE c.relkind = 'S' AND c.relname LIKE '%zdm%'
"""
REMOVED = migrations.RemoveField("order", "note")
FILLED = migrations.AlterField("order", "code", models.IntegerField(unique=True, default=5))
TABLES = "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"


class Roles(NamedTuple):
    """A role that migrates, and another role that may make things in its schema."""

    owner: str
    planter: str


@pytest.fixture
def roles(project: Project, observer: Any) -> Iterator[Roles]:
    name = project.site.database["NAME"]
    made = Roles(f"owner_{name}", f"planter_{name}")
    for role in made:
        run(observer, f"CREATE ROLE {role} LOGIN")
        run(observer, f"GRANT CREATE ON SCHEMA public TO {role}")
    for (table,) in run(observer, TABLES):
        run(observer, f"ALTER TABLE {table} OWNER TO {made.owner}")
    project.site.database["USER"] = made.owner
    yield made
    for role in made:
        run(observer, f"DROP OWNED BY {role} CASCADE")
        run(observer, f"DROP ROLE {role}")


@pytest.fixture
def owned(project: Project, roles: Roles) -> Project:
    return project


def plant(observer: Any, roles: Roles, what: str, names: list[str]) -> None:
    body = " RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'" if what == "FUNCTION" else ""
    for name in names:
        run(observer, f"CREATE {name}{body}")
        run(observer, f"ALTER {name} OWNER TO {roles.planter}")


def names_of(owned: Project, operation: Any, what: str) -> list[str]:
    """Return the names that the operation makes when they are free."""
    owned.add(operation)
    owned.migrate()
    names = [name for (name,) in owned.run(OWNED) if name.startswith(what)]
    assert len(names) == 1
    owned.migrate("shop", "0001")
    assert owned.run(OWNED) == []
    return names


@pytest.mark.parametrize("what", ["FUNCTION", "SEQUENCE"])
def test_a_removal_goes_on_without_a_counter(owned: Project, roles: Roles, observer: Any, what: str) -> None:
    plant(observer, roles, what, names := names_of(owned, REMOVED, what))
    said = owned.migrate()
    assert f'belongs to the role "{roles.planter}": DROP {names[0].removesuffix("()")}' in said
    assert [name for (name,) in owned.run(OWNED)] == names
    assert len(owned.owed()) == 1
    assert "note" in owned.columns("shop_order")


@pytest.mark.parametrize("what", ["FUNCTION", "SEQUENCE"])
def test_what_fills_is_refused_before_anything_is_sent(owned: Project, roles: Roles, observer: Any, what: str) -> None:
    plant(observer, roles, what, names := names_of(owned, FILLED, what))
    said = owned.refused()
    assert f'belongs to the role "{roles.planter}": DROP {names[0].removesuffix("()")}' in said
    assert "Nothing has been applied" in said
    run(observer, f"DROP {names[0]}")
    owned.migrate()
    assert len(owned.run(OWNED)) == 2
