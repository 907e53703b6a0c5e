"""A trigger with its function: both are in the catalogue alone, and no row is read.

The remains of an earlier run are dropped first; DROP TRIGGER IF EXISTS waits for ACCESS EXCLUSIVE even if it then finds
nothing.
"""

from __future__ import annotations

from ..ddl.triggers import DropTrigger, MakeTrigger
from ..planning.context import Context
from ..planning.kinds import Step
from ..planning.registry import rewrites
from ..planning.steps import short


@rewrites(MakeTrigger)
def make_trigger(statement: MakeTrigger, context: Context) -> list[Step]:
    undo = [short(statement.undo, *statement.undo.queries)] if statement.undo else []
    return [short(statement, *statement.queries, undo=undo)]


@rewrites(DropTrigger)
def drop_trigger(statement: DropTrigger, context: Context) -> list[Step]:
    return [short(statement, *statement.queries)]
