"""``backfills --enqueue`` hands what is owed to django.tasks, with the backends that Django itself has."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db.models import Q

from django_zero_downtime_migrations.compat import has_tasks
from django_zero_downtime_migrations.operations import Backfill
from tests.backends.project import Site
from tests.backends.sessions import run

from .conftest import ROWS

LATER = Backfill("Order", {"note": "done"}, where=~Q(note="done"), later=True)
NOT_DONE = "SELECT count(*) FROM shop_order WHERE note <> 'done'"
BACKENDS = "django.tasks.backends"


@pytest.fixture
def owing(project: Site, observer: Any) -> Site:
    """A project whose last migration has left 20,000 rows for later."""
    project.settings["ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT"] = "2s"
    project.settings["INSTALLED_APPS"] = ["shop", "django_zero_downtime_migrations"]
    run(observer, ROWS)
    project.add(LATER)
    project.migrate()
    assert run(observer, NOT_DONE) == [(20_000,)]
    return project


def owed(site: Site) -> list[str]:
    return [found["id"] for found in json.loads(site.manage("backfills", "--format", "json").stdout)["backfills"]]


if has_tasks:

    def test_immediate_backend_does_it_at_once(owing: Site, observer: Any) -> None:
        """A project that does not set TASKS has this one."""
        done = owing.manage("backfills", "--enqueue")
        assert (done.returncode, done.stdout.split(",")[0]) == (
            0,
            'shop.0002_step:0: 20000 rows of "shop_order" changed',
        )
        assert run(observer, NOT_DONE) == [(0,)]
        assert owed(owing) == []

    def test_another_backend_gets_it(owing: Site, observer: Any) -> None:
        """The dummy backend keeps tasks, and runs none of them."""
        owing.settings["TASKS"] = {
            "default": {"BACKEND": f"{BACKENDS}.immediate.ImmediateBackend"},
            "nightly": {"BACKEND": f"{BACKENDS}.dummy.DummyBackend"},
        }
        done = owing.manage("backfills", "--enqueue", "nightly")
        assert (done.returncode, done.stdout.split(" ", 2)[0]) == (0, "Task")
        assert "is enqueued with the backend 'nightly' of TASKS" in done.stdout
        assert run(observer, NOT_DONE) == [(20_000,)]
        assert owed(owing) == ["shop.0002_step:0"]

    def test_backend_that_is_not_there(owing: Site, observer: Any) -> None:
        refused = owing.manage("backfills", "--enqueue", "nightly")
        assert refused.returncode == 1
        assert "Name an alias of the setting TASKS" in refused.stdout
        assert "Traceback" not in refused.stdout
        assert run(observer, NOT_DONE) == [(20_000,)]

    def test_queue_that_the_backend_does_not_have(owing: Site) -> None:
        owing.settings["TASKS"] = {
            "default": {"BACKEND": f"{BACKENDS}.immediate.ImmediateBackend", "QUEUES": ["mails"]}
        }
        refused = owing.manage("backfills", "--enqueue")
        assert (refused.returncode, "Traceback" in refused.stdout) == (1, False)
        assert "manage.py backfills --run" in refused.stdout

    def test_task_that_fails_says_why(owing: Site, observer: Any) -> None:
        run(observer, "ALTER TABLE shop_order RENAME COLUMN note TO remark")
        failed = owing.manage("backfills", "--enqueue")
        assert failed.returncode == 1
        assert " has failed: " in failed.stdout and "shop.0002_step:0" in failed.stdout
        assert owed(owing) == ["shop.0002_step:0"]

else:

    def test_older_django_has_no_tasks(owing: Site, observer: Any) -> None:
        refused = owing.manage("backfills", "--enqueue")
        assert refused.returncode == 1
        assert "backfills --enqueue needs django.tasks, which Django has from 6.0 on" in refused.stdout
        assert "manage.py backfills --run" in refused.stdout
        assert run(observer, NOT_DONE) == [(20_000,)]
        assert owed(owing) == ["shop.0002_step:0"]
