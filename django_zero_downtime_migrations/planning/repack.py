"""The hint at REPACK, where a column that goes leaves its values in the rows of a large table. It is never run."""

from __future__ import annotations

from .context import Context
from .costs import LARGE


def hint(table: str, context: Context) -> str:
    """Return what a finding adds to its message, with what has to be minded; empty where the server has no REPACK."""
    if not context.capabilities.repacks or (context.catalog.size(table).bytes or 0) < LARGE:
        return ""
    return (
        f"; its old values keep their room until the rows are written again, which REPACK (CONCURRENTLY) {table} does, "
        "outside of a transaction and with room for a second table: afterwards a transaction with an older snapshot "
        "(REPEATABLE READ, pg_dump) finds the table empty, so end these first; without CONCURRENTLY every query waits "
        "until it is through"
    )
