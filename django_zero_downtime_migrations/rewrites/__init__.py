"""Safe sequences, one per file. A file is registered by its presence."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from ..planning.registry import REWRITES, SPLITS

__all__ = ["REWRITES", "SPLITS"]

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
