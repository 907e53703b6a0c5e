"""Statements about triggers that see to what old code writes. None of them is Django's."""

from __future__ import annotations

from .statements import Statement


class MakeTrigger(Statement):
    """Make a trigger with its function, which sees to what old code writes.

    :param queries: its text, query by query: they stand in one transaction.
    :param undo: what takes it away.
    :param fills: it gives the column a value where that is NULL.
    """

    column: str
    queries: tuple[str, ...]
    undo: DropTrigger | None = None
    fills: bool = False


class DropTrigger(Statement):
    """The opposite of :class:`MakeTrigger`. :param names: plain names of the triggers, also of their parts."""

    column: str
    queries: tuple[str, ...]
    names: tuple[str, ...]
