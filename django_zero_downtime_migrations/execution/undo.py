"""The steps that take a call of the editor back when one of its steps has failed."""

from __future__ import annotations

from collections.abc import Sequence

from ..ddl import statements as s
from ..planning.kinds import AsStock, Batches, Step
from ..planning.steps import short
from ..record import Row


class Undo(Row):
    """The steps that take a call back.

    :param steps: to be run in this order.
    :param stays: how many steps of the call stay done after them.
    :param whole: nothing of the migration is left then.
    """

    steps: list[Step]
    stays: int
    whole: bool

    @property
    def sql(self) -> str:
        return joined(self.steps)


def undo(failed: Step | None, done: Sequence[Step], keeps: bool, made: Sequence[str], transactional: bool) -> Undo:
    """Return what takes the call back. Filled rows stay filled. If the migration has only made new tables before, these
    are dropped as well, as they would be with the transaction of stock Django.

    :param failed: the step, unless it has succeeded.
    :param done: the steps before it.
    :param keeps: something of an earlier call is committed.
    :param made: the tables of earlier calls.
    :param transactional: the migration is atomic.
    """
    steps = list(failed.leftover) if failed else []
    for number, step in reversed(list(enumerate(done, 1))):
        if isinstance(step, (Batches, AsStock)):
            continue
        if not step.undo:
            return Undo(steps, number, False)
        # Every part of an index on a partitioned table is dropped with the whole.
        steps += [x for x in step.undo if x not in steps]
    if keeps or not transactional:
        return Undo(steps, 0, not (keeps or made))
    drops = (s.DropTable(sql=f"DROP TABLE {table}", table=table) for table in reversed(made))
    return Undo(steps + [short(drop, drop.sql) for drop in drops], 0, True)


def joined(steps: Sequence[Step]) -> str:
    return "; ".join(step.sql for step in steps)
