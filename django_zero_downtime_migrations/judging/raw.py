"""The user's own SQL."""

from __future__ import annotations

from ..ddl import statements as s
from ..ddl.meaning import meaning


def unread(statement: s.Raw) -> str:
    """Why nobody knows what it does; empty where it has been read and judged."""
    return meaning(statement).unread
