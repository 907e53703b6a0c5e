"""A trigger with its function: both are in the catalogue alone, and no row is read.

What an earlier run has left goes first, and DROP TRIGGER IF EXISTS waits for ACCESS EXCLUSIVE before it finds nothing.
"""

from __future__ import annotations

from ..ddl import statements as s
from ..planning.context import Context
from ..planning.registry import rewrites
from ..planning.steps import Step, short


@rewrites(s.MakeTrigger)
def make_trigger(statement: s.MakeTrigger, context: Context) -> list[Step]:
    undo = [short(statement.undo, *statement.undo.queries)] if statement.undo else []
    return [short(statement, *statement.queries, undo=undo)]


@rewrites(s.DropTrigger)
def drop_trigger(statement: s.DropTrigger, context: Context) -> list[Step]:
    return [short(statement, *statement.queries)]
