from __future__ import annotations

from tests.backends.fixtures import shop, site, twins

from .online import books

__all__ = ["books", "shop", "site", "twins"]
