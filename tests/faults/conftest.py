"""One process for all scenarios."""

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
