"""The shop's migrations forwards on tables that are in use, and back, in both projects."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.works_with.project import Project

Compare = Callable[[], None]
Run = Callable[..., list[str]]
ROWS = Path(__file__).with_name("shop") / "rows.sql"


def same_history(ours: Project, stock: Project, both: Run, compare: Compare) -> None:
    both("migrate", "shop", "0001")
    for project in (ours, stock):
        project.sql(ROWS.read_text("utf-8"))
    without, with_ours = both("sqlmigrate", "shop", "0002")
    assert 'CREATE INDEX CONCURRENTLY "by_size"' in with_ours
    assert "CONCURRENTLY" not in without
    both("migrate")
    compare()
    ours.allow_unsafe()
    both("migrate", "shop", "zero")
    compare()
