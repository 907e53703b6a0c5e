"""The registry of rewrites, by the type of a statement."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from ..ddl import statements as s
from .context import Context
from .kinds import Step

Rewrite = Callable[[Any, Context], Iterable[Step]]
Split = Callable[[Any, Context], Iterable[s.Statement]]
REWRITES: dict[type[s.Statement], Rewrite] = {}
SPLITS: dict[type[s.Statement], Split] = {}
R = TypeVar("R", bound=Callable[..., Any])


def _register(registry: dict[type[s.Statement], Any], kinds: tuple[type[s.Statement], ...]) -> Callable[[R], R]:
    def register(function: R) -> R:
        for kind in kinds:
            if kind in registry:
                raise TypeError(f"{kind.__name__} has {registry[kind].__module__} already")
            registry[kind] = function
        return function

    return register


def rewrites(*kinds: type[s.Statement]) -> Callable[[R], R]:
    """Register the function that turns a statement into steps."""
    return _register(REWRITES, kinds)


def splits(*kinds: type[s.Statement]) -> Callable[[R], R]:
    """Register the function that replaces a statement by several, before they are ordered and rewritten."""
    return _register(SPLITS, kinds)
