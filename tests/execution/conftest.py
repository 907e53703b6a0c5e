from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.backends.fixtures import observer, shop, site, twins

__all__ = ["observer", "shop", "site", "twins"]


@pytest.fixture
def patience(settings: Any) -> Callable[..., None]:
    """patience(LOCK_RETRY_TIMEOUT="1min", …): settings for all databases."""

    def give(**values: Any) -> None:
        for name, value in values.items():
            setattr(settings, f"ZERO_DOWNTIME_MIGRATIONS_{name}", value)

    return give
