"""`migrate_phase`: what old code survives comes before the release, the rest after it; together they are `migrate`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import migrations, models

from django_zero_downtime_migrations.operations import SafetyAssured
from tests.backends.project import Shop

from .versions import Project

PREFIX = "ZERO_DOWNTIME_MIGRATIONS"
ADDED = migrations.AddField("order", "weight", models.IntegerField(null=True))
RENAMED = migrations.RenameField("order", "rank", "place")
REMOVED = migrations.RemoveField("order", "note")
LATER = migrations.AddField("customer", "age", models.IntegerField(null=True))
OTHER = """from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = {dependencies!r}
    operations = [migrations.CreateModel("shelf", [("id", models.BigAutoField(primary_key=True))])]
"""
STAGED = """from enum import Enum

from django.db import migrations, models


class Stage(Enum):
    PRE_DEPLOY = 1
    POST_DEPLOY = 2


class Migration(migrations.Migration):
    stage = Stage.{stage}
    dependencies = [("shop", "0001_step")]
    operations = [{operation}]
"""
RECORDED = "SELECT name FROM django_migrations WHERE app = %s ORDER BY name"


@pytest.fixture
def plain(project: Project) -> Project:
    """A project that leaves nothing for old code."""
    project.settings[f"{PREFIX}_EXPAND_CONTRACT"] = False
    return project


def recorded(project: Project, app: str = "shop") -> list[str]:
    return [name[:4] for (name,) in project.run(RECORDED, app)]


def phase(project: Project, *arguments: str) -> str:
    done = project.manage("migrate_phase", *arguments)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_before_the_release_stops_at_what_old_code_does_not_survive(plain: Project) -> None:
    for operation in (ADDED, RENAMED, LATER):
        plain.add(operation)
    said = phase(plain, "before")
    assert recorded(plain) == ["0001", "0002"]
    assert "shop.0003_step: ALTER_TABLE_RENAME_COLUMN: " in said and "0003_step.py:" in said
    assert "shop.0004_step: it depends on shop.0003_step" in said
    order = plain.model(0 + 1, "order")
    first = order.get(code=1)
    first.rank = 9
    first.save()
    assert order.create(note="old", rank=3, code=3, customer_id=1).rank == 3
    phase(plain, "after")
    assert recorded(plain) == ["0001", "0002", "0003", "0004"]
    assert plain.new("order").get(code=1).place == 9


def test_both_phases_are_migrate(plain: Project, stock: Shop, schema: Callable[..., list[str]]) -> None:
    for operation in (ADDED, RENAMED, LATER):
        plain.add(operation)
    phase(plain, "before")
    phase(plain, "after")
    stock.migrate(ADDED, RENAMED, LATER)
    assert schema(plain.site_connection) == schema(stock.connection)


def test_plan_shows_both_and_applies_nothing(plain: Project) -> None:
    for operation in (ADDED, RENAMED):
        plain.add(operation)
    said = phase(plain, "after", "--plan").splitlines()
    assert said[said.index("Before the release:") + 1] == "  shop.0002_step"
    assert said[said.index("After the release:") + 1].startswith("  shop.0003_step: ALTER_TABLE_RENAME_COLUMN: ")
    assert recorded(plain) == ["0001"]


@pytest.mark.parametrize(("dependencies", "applied"), [([], ["0001"]), ([("shop", "0002_step")], [])], ids=str)
def test_migrations_of_another_app_wait_only_for_what_they_depend_on(
    plain: Project, dependencies: list[Any], applied: list[str]
) -> None:
    plain.add(RENAMED)
    folder = plain.site.folder / "other"
    (folder / "migrations").mkdir(parents=True)
    for module in ("__init__.py", "models.py", "migrations/__init__.py"):
        (folder / module).write_text("")
    (folder / "migrations" / "0001_initial.py").write_text(OTHER.format(dependencies=dependencies))
    plain.settings["INSTALLED_APPS"] = ["other", *plain.settings["INSTALLED_APPS"]]
    phase(plain, "before")
    assert (recorded(plain, "other"), recorded(plain)) == (applied, ["0001"])
    phase(plain, "after")
    assert (recorded(plain, "other"), recorded(plain)) == (["0001"], ["0001", "0002"])


def test_what_its_author_has_assured_comes_before(plain: Project) -> None:
    plain.add(SafetyAssured([RENAMED], reason="nobody reads it"))
    phase(plain, "before")
    assert recorded(plain) == ["0001", "0002"]


def test_without_old_code_everything_comes_before(plain: Project) -> None:
    plain.settings[f"{PREFIX}_OLD_CODE"] = "absent"
    plain.add(RENAMED)
    phase(plain, "before")
    assert recorded(plain) == ["0001", "0002"]


STAGES = {
    "after, as it says": ("POST_DEPLOY", 'migrations.AddField("order", "weight", models.IntegerField(null=True))', 1),
    "before, as it says": ("PRE_DEPLOY", 'migrations.RenameField("order", "rank", "place")', 2),
}


@pytest.mark.parametrize(("stage", "operation", "count"), STAGES.values(), ids=STAGES)
def test_stage_of_django_syzygy_counts(plain: Project, stage: str, operation: str, count: int) -> None:
    plain.site.add_text("0002_step", STAGED.format(stage=stage, operation=operation))
    said = phase(plain, "before")
    assert len(recorded(plain)) == count
    assert ("shop.0002_step: its stage is POST_DEPLOY" in said) == (count == 1)


def test_removal_that_old_code_survives_comes_before_and_is_paid_after(project: Project) -> None:
    project.add(REMOVED)
    phase(project, "before")
    assert recorded(project) == ["0001", "0002"]
    assert "note" in project.columns("shop_order")
    said = phase(project, "after")
    assert 'shop.0002_step:0: column "note" of "shop_order", owed for' in said
    assert "sessions from before the change are there" in said
    project.settings[f"{PREFIX}_OLD_CODE"] = "absent"
    project.disconnect()
    phase(project, "after")
    assert "note" not in project.columns("shop_order")


def test_nothing_is_asked_of_another_engine(plain: Project) -> None:
    plain.site.database["ENGINE"] = "django.db.backends.postgresql"
    plain.add(ADDED)
    done = plain.manage("migrate_phase", "before")
    assert (done.returncode, "Set that engine" in done.stdout) == (2, True)
    assert recorded(plain) == ["0001"]
