"""Statements and their parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def with_values(sql: str, params: Any, quote_value: Callable[[Any], Any]) -> str:
    """A statement with its parameters in it. RunSQL also takes a mapping of them.

    :param quote_value: Django's own: a parameter as SQL.
    """
    if isinstance(params, Mapping):
        return sql % {name: _quoted(value, quote_value) for name, value in params.items()}
    return sql % tuple(_quoted(value, quote_value) for value in params or ())


def _quoted(value: Any, quote_value: Callable[[Any], Any]) -> str:
    """Before Django 5.2 the percent signs of a text are doubled, since its SQL is to be formatted once more."""
    text = str(quote_value(value))
    return text.replace("%%", "%") if isinstance(value, str) and "%%" in str(quote_value("%")) else text
