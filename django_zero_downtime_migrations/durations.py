"""Durations as PostgreSQL reads them for its timeouts."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final, TypeAlias

#: Milliseconds; 0 means no limit.
Duration: TypeAlias = int

#: The longest that a timeout of the server can be, about 24.8 days.
LONGEST: Final[Duration] = 2**31 - 1

# Largest first, because the server rounds a fraction to the next smaller unit: '0.1d' is 2 hours, not 2.4.
_UNITS: Final = {"d": 86_400_000.0, "h": 3_600_000.0, "min": 60_000.0, "s": 1000.0, "ms": 1.0, "us": 1.0 / 1000}

_SPACE: Final = " \t\n\v\f\r"
_INTEGER: Final = rf"[{_SPACE}]*[+-]?(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)"
_REAL: Final = rf"[{_SPACE}]*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"


def read_duration(value: object) -> Duration | None:
    """Return the milliseconds of a text, an int or a timedelta; None of None.

    :raises ValueError: saying what is wrong with any other value.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return parse_duration(value)
    if isinstance(value, timedelta):
        return _in_range(value / timedelta(milliseconds=1), is_zero=not value)
    if isinstance(value, int) and not isinstance(value, bool):
        return _in_range(value, is_zero=not value)
    raise ValueError(f"is of type {type(value).__name__}")


def parse_duration(text: str) -> Duration:
    """Return the milliseconds of a text as ``SET lock_timeout`` takes it.

    Refused beyond that: hexadecimal fractions, and a value other than zero that rounds to it, because 0 means no limit
    and that is the opposite of what '100us' asks for.

    :raises ValueError: if the server refuses it.
    """
    # The server reads an integer as C does (0x10, 010); if it ends at a point or exponent, it reads a real number.
    found = re.match(_INTEGER, text)
    end = found.end() if found else 0
    is_real = text[end : end + 1] in (".", "e", "E")
    if is_real:
        found = re.match(_REAL, text)
    if found is None:
        raise ValueError("is not a duration that PostgreSQL can read")
    digits = found[0].strip(_SPACE)
    number = float(digits) if is_real else _integer(digits)
    # As a float, 1e-400 is 0.0.
    is_zero = number == 0 and not re.search("[1-9]", re.split("[eE]", digits)[0])
    return _in_range(_milliseconds(number, text[found.end() :].strip(_SPACE)), is_zero)


def _integer(digits: str) -> float:
    unsigned = digits.lstrip("+-").lower()
    base = 16 if unsigned.startswith("0x") else 8 if unsigned.startswith("0") else 10
    try:
        return float(int(digits, base))
    except (OverflowError, ValueError):  # more digits than a float, or than Python's own limit for int()
        return float("inf")


def _milliseconds(number: float, unit: str) -> float:
    if not unit:
        return number
    if unit not in _UNITS:
        raise ValueError(f"has a unit that PostgreSQL does not know, {unit!r}")
    milliseconds = number * _UNITS[unit]
    smaller = next((size for size in _UNITS.values() if size < _UNITS[unit]), None)
    if smaller is None or _is_too_long(milliseconds):
        return milliseconds
    return round(milliseconds / smaller) * smaller


def _in_range(milliseconds: float, is_zero: bool) -> Duration:
    if milliseconds < 0:
        raise ValueError("is negative")
    if _is_too_long(milliseconds) or round(milliseconds) > LONGEST:
        raise ValueError(f"is longer than PostgreSQL's longest timeout, {LONGEST} ms")
    if round(milliseconds) == 0 and not is_zero:
        raise ValueError("rounds to 0 ms, which would mean no limit")
    return round(milliseconds)


def _is_too_long(milliseconds: float) -> bool:
    # This is checked before anything is rounded: infinity has no nearest integer. One day more leaves room for
    # rounding to hours.
    return not abs(milliseconds) < LONGEST + 86_400_000.0
