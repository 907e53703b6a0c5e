from __future__ import annotations

from tests.backends.fixtures import shop, site

__all__ = ["shop", "site"]
