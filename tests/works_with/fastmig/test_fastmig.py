"""django-fastmig beside us: it renders fewer models while Django goes through the migrations."""

from __future__ import annotations

import pytest

from tests.works_with.history import Compare, Run, same_history
from tests.works_with.project import Project

RENDERED = """
from django.core.management import call_command
from django.db.migrations.state import ModelState
render, rendered = ModelState.render, 0
def counted(*args):
    global rendered
    rendered += 1
    return render(*args)
ModelState.render = counted
call_command("migrate", {arguments}verbosity=0)
print(rendered)
"""


def test_history_is_that_of_stock(ours: Project, stock: Project, both: Run, compare: Compare) -> None:
    same_history(ours, stock, both, compare)


@pytest.mark.parametrize("arguments", ["", "'shop', 'zero', "], ids=["forwards", "back"])
def test_what_it_saves_is_saved_with_ours(ours: Project, stock: Project, arguments: str) -> None:
    """Counted, and not timed: the models that one run of `migrate` renders."""
    rendered = {}
    for project in (ours, stock):
        for disabled in ("1", ""):
            project.allow_unsafe()
            if arguments:
                project.manage("migrate")
            project.environment["FASTMIG_DISABLE"] = disabled
            rendered[project is ours, disabled] = int(project.python(RENDERED.format(arguments=arguments)))
            project.manage("migrate", "shop", "zero")
    assert rendered[False, ""] < rendered[False, "1"]
    assert rendered[True, ""] < rendered[True, "1"]
    assert rendered[True, ""] <= rendered[False, ""]
