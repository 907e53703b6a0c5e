"""``check_migrations`` judges a ``Backfill``, with a database and without."""

from __future__ import annotations

import pytest
from django.db.models import F, Q

from django_zero_downtime_migrations.operations import Backfill
from tests.backends.project import Site

APPS = ["shop", "django_zero_downtime_migrations"]


@pytest.mark.parametrize("more", [[], ["--without-database"]])
def test_there_is_nothing_to_say_of_it(project: Site, more: list[str]) -> None:
    project.settings["INSTALLED_APPS"] = APPS
    project.add(Backfill("Order", {"cents": F("total") * 100, "note": "50%'s"}, where=Q(cents=None)))
    done = project.manage("check_migrations", *more)
    assert done.returncode == 0, done.stdout
    assert "0 refused, 0 warnings, 0 notes.\n" in done.stdout
    assert "ot analysed" not in done.stdout


@pytest.mark.parametrize("more", [[], ["--without-database"]])
def test_what_would_never_end_is_found(project: Site, more: list[str]) -> None:
    project.settings["INSTALLED_APPS"] = APPS
    project.add(Backfill("Order", {"times": F("times") + 1}))
    done = project.manage("check_migrations", *more)
    assert done.returncode == 1, done.stdout
    assert "nothing tells a row that is done from one that is not" in " ".join(done.stdout.split())
