"""The reasons why nothing could be judged."""

from __future__ import annotations


class CannotJudge(Exception):
    """The judgement is impossible. The text is one line for people."""
