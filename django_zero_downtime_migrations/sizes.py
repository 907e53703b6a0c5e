"""Sizes for people."""

from __future__ import annotations

UNITS = ("bytes", "kB", "MB", "GB", "TB")
#: From this unit on, a number below 100 has a decimal.
_WITH_DECIMAL = UNITS.index("MB")


def readable(size: int) -> str:
    """Format a size: ``8 kB``, ``2.5 MB``, ``300 MB``.

    :param size: in bytes.
    """
    value, unit = float(size), 0
    while value >= 1024 and unit < len(UNITS) - 1:
        value, unit = value / 1024, unit + 1
    decimals = 1 if unit >= _WITH_DECIMAL and value < 100 else 0
    return f"{value:,.{decimals}f} {UNITS[unit]}"
