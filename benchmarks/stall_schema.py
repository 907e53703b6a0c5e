"""The tables that the clients and the migrated project of `stall.py` both know."""

from __future__ import annotations

PARTITIONS = 3
EVENTS = 30_000
VOUCHERS = 1000


def customers(rows: int) -> int:
    """How many there are for so many orders."""
    return max(rows // 10, 100)


def partition(number: int) -> str:
    return f"shop_event_{number}"
