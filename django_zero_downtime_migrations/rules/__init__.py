"""Findings, one rule per file. A file is registered by its presence."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from ..planning.rule import CHECKS, Rule

__all__ = ["BY_CODE", "CHECKS"]

_MODULES = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
#: The rules by their codes, in alphabetical order.
BY_CODE: dict[str, Rule] = {module.RULE.code: module.RULE for module in _MODULES}
BY_CODE = {code: BY_CODE[code] for code in sorted(BY_CODE)}
