from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.backends.fixtures import observer, shop, site, twins
from tests.backends.project import Shop
from tests.operations.observer import Observation, Observer

from .online import books

__all__ = ["books", "observer", "shop", "site", "twins"]


@pytest.fixture
def watch(shop: Shop) -> Callable[..., Observation]:
    """watch(operation, …): one migration, and the locks and the work of each step as the server has seen them."""

    def watched(*operations: Any) -> Observation:
        with Observer(shop.connection).installed() as observation:
            shop.migrate(*operations)
        return observation

    return watched
