"""The cases, by what they change."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from ..case import Case

CASES: list[Case] = []
for _module in iter_modules(__path__):
    CASES += import_module(f"{__name__}.{_module.name}").CASES
