"""The types that take every value of another type as it is: the conversion cannot fail, and nothing is lost in it.

https://www.postgresql.org/docs/current/datatype.html has the ranges. ``tests/unit/test_widening.py`` asks the server
about the smallest and largest values of each.
"""

from __future__ import annotations

from typing import Final

from .casts import Types

SMALLINT: Final = 21
INTEGER: Final = 23
BIGINT: Final = 20
REAL: Final = 700
DOUBLE: Final = 701
NUMERIC: Final = 1700
TEXT: Final = 25
CHAR: Final = 1042
VARCHAR: Final = 1043

#: The number of digits of the largest value.
_DIGITS: Final = {SMALLINT: 5, INTEGER: 10, BIGINT: 19}
_WIDER: Final = {
    (SMALLINT, INTEGER),
    (SMALLINT, BIGINT),
    (INTEGER, BIGINT),
    # A float has 24 bits for the digits, a double 53.
    (SMALLINT, REAL),
    (SMALLINT, DOUBLE),
    (INTEGER, DOUBLE),
    (REAL, DOUBLE),
}
_TEXTS: Final = (TEXT, CHAR, VARCHAR)


def keeps_values(types: Types, source: int, typmod: int, target: int, new_typmod: int) -> bool:
    """Return whether each value of a type is a value of another type.

    This is not known for a domain, or for a type that a user has made.

    :param source: oid of the type.
    :param typmod: its modifier, as in ``pg_attribute.atttypmod``.
    """
    here, there = types.types[source], types.types[target]
    if here.base is not None or there.base is not None:
        return False
    if here.element and there.element:
        return keeps_values(types, here.element, typmod, there.element, new_typmod)
    if (source, typmod) == (target, new_typmod):
        # Only the collation differs.
        return True
    if source in _TEXTS and target in (TEXT, VARCHAR):
        return _longer(typmod, new_typmod)
    if target == NUMERIC:
        return _fits_numeric(source, typmod, new_typmod)
    return (source, target) in _WIDER


def _longer(typmod: int, new_typmod: int) -> bool:
    return new_typmod == -1 or (typmod != -1 and new_typmod >= typmod)


def _fits_numeric(source: int, typmod: int, new_typmod: int) -> bool:
    if source not in (*_DIGITS, NUMERIC):
        return False
    if new_typmod == -1:
        return True
    digits, scale = of_numeric(new_typmod)
    if source in _DIGITS:
        return digits - scale >= _DIGITS[source] and scale >= 0
    if typmod == -1:
        return False
    old_digits, old_scale = of_numeric(typmod)
    return scale >= old_scale and digits - scale >= old_digits - old_scale


def of_numeric(typmod: int) -> tuple[int, int]:
    """Return the precision and scale. Four bytes stand before them, and the scale has eleven bits and a sign."""
    packed = typmod - 4
    return packed >> 16 & 0xFFFF, ((packed & 0x7FF) ^ 1024) - 1024
