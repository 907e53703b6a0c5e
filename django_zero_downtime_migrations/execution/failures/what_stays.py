"""The remains of a failed migration, and the ways on from there."""

from __future__ import annotations

from collections.abc import Sequence

from ...planning.kinds import Batches, Step, UsersOwn
from ..server_errors import (
    DUPLICATE_COLUMN,
    DUPLICATE_OBJECT,
    DUPLICATE_TABLE,
    UNDEFINED_COLUMN,
    UNDEFINED_OBJECT,
    UNDEFINED_TABLE,
    sqlstate,
)

AGAIN = "The migration can be run again."
GOES_ON = "Run the migration again when the reason is gone: it goes on from there, and repeats nothing that is done."
#: SQLSTATEs with which the server says that an object exists, or does not exist.
THERE = frozenset({DUPLICATE_COLUMN, DUPLICATE_OBJECT, DUPLICATE_TABLE})
GONE = frozenset({UNDEFINED_COLUMN, UNDEFINED_OBJECT, UNDEFINED_TABLE})
COMPARED = "set IDEMPOTENT_SQL to True and run it again: it compares what is there with what it would make, and goes on"
#: Characters of a statement in a message.
LONGEST = 300


def way_on(committed: Sequence[Step], code: Sequence[str] = (), unfinished: Sequence[str] = ()) -> str:
    """Return the way on without a journal.

    :param committed: the steps of the migration that are not taken back.
    :param code: the migration's own code that has run, and is committed.
    :param unfinished: the code in which the error was, if it has no transaction.
    """
    if not committed and not code:
        return _part_of(unfinished) or AGAIN
    there = [_cut(step.sql) for step in committed] + [f"what {name} has done" for name in code]
    ways = _ways(committed) if committed else _ways_of_code()
    if committed and code:
        ways += f" What {_joined(code)} has done is not seen in the catalogue: see to it that it can run again."
    part = f"{_part_of(unfinished)} " if unfinished else ""
    return (
        f"{part}Committed before it, and still there: {'; '.join(there)}. So the next run would begin with what is "
        f"done. {ways}"
    )


def _ways(committed: Sequence[Step]) -> str:
    own = any(isinstance(step, UsersOwn) for step in committed)
    again = " (your own SQL and RunPython are run again)" if own else ""
    back = _undo(list(reversed(committed)))
    by_hand = f"take it back by hand ({back})" if back else "take it back by hand"
    return (
        f"Either {COMPARED}{again}. Or {by_hand}, or take those operations out of the migration, and then run it again."
    )


def _ways_of_code() -> str:
    return (
        "Either see to it that the code can run again, or take back by hand what it has done, or take those operations "
        "out of the migration, and then run it again. With IDEMPOTENT_SQL, set before a migration begins, code that "
        "has a transaction of its own is run once."
    )


def _part_of(unfinished: Sequence[str]) -> str:
    if not unfinished:
        return ""
    return (
        f"{_joined(unfinished)} has no transaction: what it had done by then stays, and is done again when the "
        "migration is run again."
    )


def _joined(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def met(step: Step, error: BaseException) -> str:
    """Say what to do about a step that meets what an earlier run may have left; empty if that is not what the server
    has said.
    """
    state = sqlstate(error)
    if isinstance(step, UsersOwn) or state not in THERE | GONE:
        return ""
    what = "What the step makes is there already" if state in THERE else "What the step is about is not there"
    back = _undo([step]) if state in THERE else ""
    by_hand = f"take it back by hand ({back})" if back else "take the operation out of the migration"
    return (
        f"{what}, perhaps from a run of this migration that was interrupted or has failed: to run it again as it is "
        f"does not help. Either {COMPARED}. Or {by_hand}, and then run it again."
    )


def _undo(steps: Sequence[Step]) -> str:
    """Return SQL that takes all of them back; empty if some cannot be."""
    undo: list[str] = []
    for step in steps:
        back = step.undo or step.leftover
        if not back and not isinstance(step, Batches):
            return ""
        undo += [x.sql for x in back if x.sql not in undo]
    return "; ".join(undo)


def _cut(sql: str) -> str:
    text = " ".join(sql.split())
    return text if len(text) <= LONGEST else text[:LONGEST] + " ..."
