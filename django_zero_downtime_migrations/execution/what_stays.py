"""What a migration that has failed leaves behind, and the ways on from there."""

from __future__ import annotations

from collections.abc import Sequence

from ..ddl import statements as s
from ..plan import Step
from .reasons import sqlstate

AGAIN = "The migration can be run again."
GOES_ON = "Run the migration again when the reason is gone: it goes on from there, and repeats nothing that is done."
#: SQLSTATEs with which the server says that something is there, or is not there.
THERE = frozenset({"42701", "42710", "42P07"})
GONE = frozenset({"42703", "42704", "42P01"})
COMPARED = "set IDEMPOTENT_SQL to True and run it again: it compares what is there with what it would make, and goes on"
#: Characters of a statement in a message.
LONGEST = 300


def way_on(committed: Sequence[Step]) -> str:
    """Without a journal. :param committed: the steps of the migration that are not taken back."""
    if not committed:
        return AGAIN
    own = any(isinstance(step.statement, s.Raw) for step in committed)
    again = " (your own SQL and RunPython are run again)" if own else ""
    back = _undo(list(reversed(committed)))
    by_hand = f"take it back by hand ({back})" if back else "take it back by hand"
    return (
        f"Committed before it, and still there: {'; '.join(_cut(step.sql) for step in committed)}. So the next run "
        f"would begin with what is done. Either {COMPARED}{again}. Or {by_hand}, or take those operations out of the "
        "migration, and then run it again."
    )


def met(step: Step, error: BaseException) -> str:
    """What to do about a step for which something is in the way that an earlier run may have left; empty where that is
    not what the server has said.
    """
    state = sqlstate(error)
    if isinstance(step.statement, s.Raw) or state not in THERE | GONE:
        return ""
    what = "What the step makes is there already" if state in THERE else "What the step is about is not there"
    back = _undo([step]) if state in THERE else ""
    by_hand = f"take it back by hand ({back})" if back else "take the operation out of the migration"
    return (
        f"{what}, perhaps from a run of this migration that was interrupted or has failed: to run it again as it is "
        f"does not help. Either {COMPARED}. Or {by_hand}, and then run it again."
    )


def _undo(steps: Sequence[Step]) -> str:
    """SQL that takes all of them back; empty where some cannot be."""
    undo: list[str] = []
    for step in steps:
        back = step.undo or step.leftover
        if not back and step.fill is None:
            return ""
        undo += [x.sql for x in back if x.sql not in undo]
    return "; ".join(undo)


def _cut(sql: str) -> str:
    text = " ".join(sql.split())
    return text if len(text) <= LONGEST else text[:LONGEST] + " ..."
