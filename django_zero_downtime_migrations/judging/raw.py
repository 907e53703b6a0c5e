"""The user's own SQL."""

from __future__ import annotations

from ..ddl import statements as s
from ..ddl.meaning import meaning


def unread(statement: s.Raw) -> str:
    """Say why its effect is unknown; empty if it has been read and judged."""
    return meaning(statement).unread
