"""Why nothing could be judged."""

from __future__ import annotations


class CannotJudge(Exception):
    """The text is one line for people."""
