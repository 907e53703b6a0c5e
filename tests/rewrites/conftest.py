from __future__ import annotations

from tests.backends.fixtures import shop

__all__ = ["shop"]
