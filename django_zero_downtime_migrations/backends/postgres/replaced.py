"""A constraint that one operation of a migration removes, and a later one adds again: the drop waits for the other.

A constraint is changed by RemoveConstraint and AddConstraint. Stock Django has both in one transaction; two calls of
the editor would leave a time in which rows may be written that violate the old constraint and the new one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ...catalog.planned import PlannedCatalog
from ...ddl import statements as s
from ...log import logger
from ...migrate_run.migration_at_work import operations_at_work
from ...naming import unquote

#: What neither needs the removed constraint to be gone, nor has an effect of its own on it.
_EITHER_WAY = (
    "AddConstraint",
    "AddIndex",
    "AlterConstraint",
    "AlterModelManagers",
    "AlterModelOptions",
    "RemoveConstraint",
    "RemoveIndex",
)
FORWARDS = (*_EITHER_WAY, "AddField", "CreateModel")
BACKWARDS = (*_EITHER_WAY, "RemoveField", "DeleteModel")


class _Waiting(NamedTuple):
    """:param until: the operation whose statements these come with."""

    until: Any
    statements: list[s.Statement]


class Replaced:
    """What waits in an editor."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []

    def waits(self, statements: list[s.Statement], constraint: Any, quiet: bool) -> bool:
        """Whether the statements that remove a constraint are to come with a later operation; they are kept then.

        :param quiet: nobody is told of a gap.
        """
        at_work = operations_at_work()
        if at_work is None:
            return False
        operation, rest, backwards = at_work
        adds, removes = ("RemoveConstraint", "AddConstraint") if backwards else ("AddConstraint", "RemoveConstraint")
        if not _is(operation, removes):
            return False
        beside = BACKWARDS if backwards else FORWARDS
        until, stretch = _added(operation, rest, adds, beside, constraint)
        if until is None:
            return False
        if not all(_is(between, *beside) for between in stretch):
            if not quiet:
                logger.warning(GAP, statements[0].table, constraint.name)
            return False
        self._waiting.append(_Waiting(until, statements))
        return True

    def come(self) -> list[s.Statement]:
        """What has waited for the operation that is at work, whose first call of the editor this is."""
        if not self._waiting:
            return []
        at_work = operations_at_work()
        due = [x for x in self._waiting if at_work is not None and x.until is at_work[0]]
        self._waiting = [x for x in self._waiting if not any(x is y for y in due)]
        return [statement for x in due for statement in x.statements]

    def left(self) -> list[s.Statement]:
        """What has waited for a call that did not come."""
        left, self._waiting = [x for waiting in self._waiting for x in waiting.statements], []
        return left


GAP = (
    "%s has neither the old constraint %s nor the new one for a while, since there is another operation on it between "
    "RemoveConstraint and AddConstraint: rows that violate both may be written. Put the two next to each other."
)


def still_there(statements: Sequence[s.Statement], catalog: PlannedCatalog) -> list[s.Statement]:
    """Without what an earlier run, or somebody by hand, has dropped already."""
    there: list[s.Statement] = []
    for x in statements:
        gone = (isinstance(x, s.DropConstraint) and catalog.constraint(x.table, unquote(x.name)) is None) or (
            isinstance(x, s.DropIndex) and catalog.index(x.table, x.name) is None
        )
        if gone:
            logger.warning("Gone already: %s", x.sql)
        else:
            there.append(x)
    return there


def _added(
    operation: Any, rest: Sequence[Any], adds: str, beside: Sequence[str], constraint: Any
) -> tuple[Any | None, Sequence[Any]]:
    """The operation that adds the constraint again, else the first that adds one of its kind; and those before it."""
    model = operation.model_name_lower
    found = [n for n, x in enumerate(rest) if _is(x, adds) and x.model_name_lower == model]
    same = [n for n in found if _name(rest[n]) == constraint.name]
    kind = type(constraint)
    alike = [n for n in found if isinstance(getattr(rest[n], "constraint", constraint), kind)]
    # Another name may be another constraint: what comes after a barrier is none that replaces this one.
    alike = [n for n in alike if all(_is(between, *beside) for between in rest[:n])]
    position = next(iter([*same, *alike]), None)
    return (None, ()) if position is None else (rest[position], rest[:position])


def _name(operation: Any) -> str:
    constraint = getattr(operation, "constraint", None)
    return str(operation.name if constraint is None else constraint.name)


def _is(operation: Any, *names: str) -> bool:
    """By the names of Django's own classes: not every version has all of them."""
    return any(
        kind.__name__ in names and kind.__module__.startswith("django.db.migrations.")
        for kind in type(operation).__mro__
    )
