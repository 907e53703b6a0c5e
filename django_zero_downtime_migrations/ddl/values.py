"""Statements and their parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def with_values(sql: str, params: Any, quote_value: Callable[[Any], Any]) -> str:
    """Return a statement with its parameters in it. RunSQL also takes a mapping of them.

    :param quote_value: Django's own function: a parameter as SQL.
    """
    if isinstance(params, Mapping):
        return sql % {name: _quoted(value, quote_value) for name, value in params.items()}
    return sql % tuple(_quoted(value, quote_value) for value in params or ())


def _quoted(value: Any, quote_value: Callable[[Any], Any]) -> str:
    """Quote a value. Before Django 5.2 a text's percent signs are doubled, since its SQL is formatted once more."""
    text = str(quote_value(value))
    return text.replace("%%", "%") if isinstance(value, str) and "%%" in str(quote_value("%")) else text
