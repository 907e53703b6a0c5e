"""Statements about triggers that correct what old code writes. None of them is Django's."""

from __future__ import annotations

from .statements import Statement


class MakeTrigger(Statement):
    """Make a trigger with its function, which corrects what old code writes.

    :param queries: its text, query by query: they stand in one transaction.
    :param names: plain names of the triggers.
    :param function: the name of their function, as in SQL.
    :param undo: the statement that drops it.
    :param fills: it gives the column a value in place of NULL.
    """

    column: str
    queries: tuple[str, ...]
    names: tuple[str, ...] = ()
    function: str = ""
    undo: DropTrigger | None = None
    fills: bool = False


class DropTrigger(Statement):
    """The opposite of :class:`MakeTrigger`.

    :param names: plain names of the triggers.
    :param function: the name of their function, as in SQL.
    """

    column: str
    queries: tuple[str, ...]
    names: tuple[str, ...]
    function: str = ""
