"""The cost of EXPAND_CONTRACT for a run that has nothing to do with it."""

from __future__ import annotations

import pytest
from django.db import migrations, models

from tests.fresh.recorder import install, record

from .conftest import PREFIX
from .versions import Project

MORE = migrations.AddField("order", "more", models.IntegerField(null=True))


def sent(project: Project, is_on: bool, idempotent: bool | None) -> list[list[str]]:
    """Return what a run with something to do sends, which is taken back, and a run without."""
    project.settings |= {f"{PREFIX}_EXPAND_CONTRACT": is_on, f"{PREFIX}_IDEMPOTENT_SQL": idempotent}
    forwards, _, back, nothing = record(project.site, "shop 0002", "shop 0002", "shop 0001", "shop 0001")
    return [forwards, back, nothing]


@pytest.mark.parametrize(("idempotent", "more"), [(None, [0, 0, 0]), (False, [1, 0, 1])])
def test_where_nothing_is_owed_it_asks_once_at_most(project: Project, idempotent: bool | None, more: list[int]) -> None:
    """A reversed run asks even if the setting is off: something may be owed from before."""
    install(project.site)
    project.add(MORE)
    off, on = (list(map(len, sent(project, is_on, idempotent))) for is_on in (False, True))
    assert [with_it - without for with_it, without in zip(on, off, strict=True)] == more


def test_a_removal_asks_once_more_and_so_does_the_end_of_its_run(project: Project) -> None:
    install(project.site)
    project.add(migrations.RemoveField("order", "note"))
    [run] = record(project.site, "shop 0002")
    about_sessions = [sql for sql in run if "pg_stat_activity" in sql and "pg_postmaster_start_time" in sql]
    assert len(about_sessions) == 2
