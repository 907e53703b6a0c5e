from __future__ import annotations

from tests.backends.fixtures import observer, shop, twins

__all__ = ["observer", "shop", "twins"]
