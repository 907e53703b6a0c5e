"""One process for all scenarios, and the sum of the interruptions at the end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.backends.fixtures import observer, site

from .project import Faults, started

__all__ = ["observer", "site"]


@pytest.fixture(autouse=True)
def unblocked(django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope="session")
def faults() -> Iterator[Faults]:
    with started() as made:
        yield made


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The numbers come with the reports, also from the workers of pytest-xdist."""
    sums = {"interruptions": 0, "not recovered": 0}
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name in sums and report.when == "call":
                    sums[name] += value
    if sums["interruptions"]:
        lost = sums["not recovered"]
        end = "all recovered" if not lost else f"{lost:,} of them not recovered"
        terminalreporter.write_line(f"{sums['interruptions']:,} interruptions, {end}")
