"""Statements and their parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def with_values(sql: str, params: Any, quote_value: Callable[[Any], Any]) -> str:
    """A statement with its parameters in it. RunSQL also takes a mapping of them."""
    if isinstance(params, Mapping):
        return sql % {name: quote_value(value) for name, value in params.items()}
    return sql % tuple(map(quote_value, params or ()))
