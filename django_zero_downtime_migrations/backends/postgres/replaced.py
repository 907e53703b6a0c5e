"""An object that one operation of a migration removes, and a later one makes again: the drop waits for the other.

A constraint is changed by RemoveConstraint and AddConstraint, and so may a unique_together, an index, a field's unique,
db_index or foreign key be. Stock Django has both in one transaction; two calls of the editor would leave a time in
which rows may be written that violate the old constraint and the new one, or in which the index is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import BaseConstraint, UniqueConstraint

from ...catalog.planned import PlannedCatalog
from ...ddl import statements as s
from ...log import logger
from ...migrate_run.migration_at_work import operations_at_work
from ...naming import unquote
from ...record import Row

#: Operations that do not need the removed object to be gone, and do not affect it.
_EITHER_WAY = (
    "AddConstraint",
    "AddIndex",
    "AlterConstraint",
    "AlterIndexTogether",
    "AlterModelManagers",
    "AlterModelOptions",
    "AlterUniqueTogether",
    "RemoveConstraint",
    "RemoveIndex",
)
FORWARDS = (*_EITHER_WAY, "AddField", "CreateModel")
BACKWARDS = (*_EITHER_WAY, "RemoveField", "DeleteModel")


class _Removing(Row):
    """A call of the editor that may remove, and do nothing else.

    :param operation: the operation that makes the call forwards.
    :param taken_back: the operation that makes it when it is taken back.
    :param makes: the operations that may make again what it has removed, forwards.
    """

    operation: str
    taken_back: str
    makes: tuple[str, ...]


_CONSTRAINTS = ("AddConstraint", "AlterUniqueTogether")
_INDEXES = ("AddIndex", "AlterIndexTogether")
REMOVING = {
    "remove_constraint": _Removing("RemoveConstraint", "AddConstraint", ("AlterField", *_CONSTRAINTS)),
    "alter_unique_together": _Removing("AlterUniqueTogether", "AlterUniqueTogether", _CONSTRAINTS),
    "remove_index": _Removing("RemoveIndex", "AddIndex", ("AlterField", *_INDEXES)),
    "alter_index_together": _Removing("AlterIndexTogether", "AlterIndexTogether", _INDEXES),
    "alter_field": _Removing("AlterField", "AlterField", ("AlterField", *_CONSTRAINTS, *_INDEXES)),
}
#: The operations that make again when they are taken back.
_TAKEN_BACK = {"AddConstraint": "RemoveConstraint", "AddIndex": "RemoveIndex"}
_TOGETHER = ("AlterUniqueTogether", "AlterIndexTogether")
_DROPS = (s.DropConstraint, s.DropIndex)


class Waiting(Row):
    """Removals that wait.

    :param statements: what waits.
    :param keys: the journal's names of the calls that they belong to.
    """

    statements: tuple[s.Statement, ...] = ()
    keys: tuple[str, ...] = ()


class Replaced:
    """The removals that wait in an editor."""

    def __init__(self) -> None:
        #: Each with the operation whose statements it comes with.
        self._waiting: list[tuple[Any, Waiting]] = []

    def waits(self, what: str, waiting: Waiting, made: Any, quiet: bool) -> bool:
        """Return whether the statements of a call are to come with a later operation; they are kept then.

        :param what: the method of the editor.
        :param made: what it is about.
        :param quiet: do not warn of a gap.
        """
        at_work = operations_at_work()
        if at_work is None or what not in REMOVING or not _only_drops(waiting.statements):
            return False
        operation, rest, backwards = at_work
        if not _is(operation, REMOVING[what].taken_back if backwards else REMOVING[what].operation):
            return False
        until, stretch = _made_again(what, operation, rest, backwards, made)
        if until is None:
            return False
        if not all(_is(between, *(BACKWARDS if backwards else FORWARDS)) for between in stretch):
            if not quiet:
                _tell(waiting.statements)
            return False
        self._waiting.append((until, waiting))
        return True

    def come(self) -> Waiting:
        """Return the removals that have waited for the running operation, whose first call of the editor this is."""
        if not self._waiting:
            return Waiting()
        at_work = operations_at_work()
        due = [x for until, x in self._waiting if at_work is not None and until is at_work[0]]
        self._waiting = [(until, x) for until, x in self._waiting if not any(x is y for y in due)]
        return _joined(due)

    def left(self) -> Waiting:
        """Return the removals that have waited for a call that did not come."""
        if not self._waiting:
            return Waiting()
        left, self._waiting = [x for _, x in self._waiting], []
        return _joined(left)


def _joined(waiting: Sequence[Waiting]) -> Waiting:
    return Waiting(tuple(y for x in waiting for y in x.statements), tuple(y for x in waiting for y in x.keys))


def _only_drops(statements: Sequence[s.Statement]) -> bool:
    """Return whether nothing is made except a foreign key that is dropped as well: Django makes each foreign key of an
    altered field again.
    """
    again = {x.name for x in statements if isinstance(x, s.AddForeignKey)}
    drops = [x for x in statements if isinstance(x, _DROPS) and not getattr(x, "concurrently", False)]
    keys = {x.name for x in drops if isinstance(x, s.DropForeignKey)}
    made = [x for x in statements if isinstance(x, s.AddForeignKey)]
    return len(drops) + len(made) == len(statements) and again <= keys and any(x.name not in again for x in drops)


GAP = (
    "%s has neither the old constraint %s nor the new one for a while, since there is another operation on it between "
    "the one that removes it and the one that makes it again: rows that violate both may be written. Put the two next "
    "to each other."
)
INDEX_GAP = (
    "%s has neither the old index %s nor the new one for a while, since there is another operation on it between the "
    "one that removes it and the one that makes it again. Put the two next to each other."
)


def _tell(statements: Sequence[s.Statement]) -> None:
    again = {x.name for x in statements if isinstance(x, s.AddForeignKey)}
    goes = [x for x in statements if isinstance(x, _DROPS) and x.name not in again]
    # An index for LIKE is dropped with the constraint that it belongs to.
    drop = min(goes, key=lambda x: isinstance(x, s.DropIndex))
    logger.warning(INDEX_GAP if isinstance(drop, s.DropIndex) else GAP, drop.table, unquote(drop.name))


def still_there(statements: Sequence[s.Statement], catalog: PlannedCatalog) -> list[s.Statement]:
    """Leave out what an earlier run, or a user by hand, has dropped already.

    What is dropped for a successor, which an earlier run has made under another name, stays: the successor gets its
    name when the drop is planned again.
    """
    there: list[s.Statement] = []
    for x in statements:
        if not isinstance(x, _DROPS) or _is_there(x, catalog):
            there.append(x)
        elif " IF EXISTS " not in x.sql:
            logger.warning("Gone already: %s", x.sql)
    return there


def _is_there(drop: s.DropConstraint | s.DropIndex, catalog: PlannedCatalog) -> bool:
    found = catalog.index if isinstance(drop, s.DropIndex) else catalog.constraint
    return any(found(drop.table, name) for name in (drop.name, catalog.names.successor(drop.name)))


def _made_again(
    what: str, operation: Any, rest: Sequence[Any], backwards: bool, made: Any
) -> tuple[Any | None, Sequence[Any]]:
    """Return the operation that makes again what has been removed, else the first that may, if nothing in between is an
    obstacle; and the operations before it.
    """
    makes = [_TAKEN_BACK.get(x, x) if backwards else x for x in REMOVING[what].makes]
    beside = BACKWARDS if backwards else FORWARDS
    found = [n for n, x in enumerate(rest) if _is(x, *makes) and _model(x) == _model(operation)]
    same = [n for n in found if _is_same(operation, rest[n], backwards, made)]
    # A later operation may make something else: what comes after a barrier does not replace this one.
    alike = [n for n in found if _is_alike(operation, rest[n], made)]
    alike = [n for n in alike if all(_is(between, *beside) for between in rest[:n])]
    position = next(iter([*same, *alike]), None)
    return (None, ()) if position is None else (rest[position], rest[:position])


def _model(operation: Any) -> str:
    return str(getattr(operation, "model_name_lower", None) or operation.name_lower)


def _is_same(removes: Any, makes: Any, backwards: bool, made: Any) -> bool:
    """Return whether the other operation makes again what one removes, by all that the two tell."""
    if _is(makes, "AlterField"):
        of_field = _is(removes, "AlterField") and _is_alike(removes, makes, made)
        return of_field and _has_own(makes.field) != backwards
    if _is(makes, *_TOGETHER):
        before, after = (makes, removes) if backwards else (removes, makes)
        return _is(removes, type(makes).__name__) and bool(set(after.option_value) - set(before.option_value))
    return not _is(removes, "AlterField", *_TOGETHER) and _name(makes) == made.name


def _is_alike(removes: Any, makes: Any, made: Any) -> bool:
    """Return whether it may be the same: an operation that is taken back does not tell what it makes."""
    if _is(makes, "AlterField"):
        fields = [removes.name] if _is(removes, "AlterField") else getattr(made, "fields", ())
        return [makes.name_lower] == [name.lower() for name in fields]
    of_field = removes.name if _is(removes, "AlterField") else None
    new = getattr(makes, "constraint", None) or getattr(makes, "index", None)
    if new is not None and of_field is not None:
        return of_field in getattr(new, "fields", ())
    if _is(makes, "AddIndex", "RemoveIndex"):
        return new is not None and not set(getattr(made, "fields", new.fields)).isdisjoint(new.fields)
    if _is(makes, "AlterIndexTogether") or (new is None and _is(makes, "RemoveConstraint")):
        return True
    kind = type(made) if isinstance(made, BaseConstraint) else UniqueConstraint
    return issubclass(type(new) if new else UniqueConstraint, kind)


def _has_own(field: Any) -> bool:
    """Return whether a field has a constraint or an index."""
    return bool(field.unique or field.db_index or (field.remote_field and field.db_constraint))


def _name(operation: Any) -> str:
    made = getattr(operation, "constraint", None) or getattr(operation, "index", None)
    return str(operation.name if made is None else made.name)


def _is(operation: Any, *names: str) -> bool:
    """Compare by the names of Django's own classes: some versions lack some of them."""
    return any(
        kind.__name__ in names and kind.__module__.startswith("django.db.migrations.")
        for kind in type(operation).__mro__
    )
