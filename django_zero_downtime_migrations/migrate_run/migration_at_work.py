"""The migration that calls the schema editor, and its operation. Django does not tell them to its editor."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import islice
from types import FrameType
from typing import TYPE_CHECKING, Any

from ..execution.own_code import Operation
from ..record import Row

if TYPE_CHECKING:
    from ..execution.batches.position import Whose

#: The module of contenttypes, which puts an operation behind each RenameModel.
CONTENT_TYPES = "django.contrib.contenttypes.management"


def migration_at_work() -> tuple[str, str] | None:
    """Return app label and name of the innermost migration that is being applied or taken back; None outside one.

    Every way of running migrations ends in ``Migration.apply()`` or ``unapply()``: ``migrate``, ``sqlmigrate`` and
    other packages' executors.
    """
    for migration, _ in _at_work():
        if not getattr(migration, "part_of_operation", False):
            return migration.app_label, migration.name
    return None


def is_taken_back() -> bool:
    """Return whether the innermost running migration is being taken back."""
    return any(frame.f_code.co_name == "unapply" for _, frame in islice(_at_work(), 1))


def operation_at_work() -> Operation | None:
    """Return the innermost operation, which may be inside another; None outside a migration."""
    for migration, frame in _at_work():
        operation = frame.f_locals.get("operation")
        if not operation:
            return None
        backwards = frame.f_code.co_name == "unapply"
        is_last = operation is migration.operations[0 if backwards else -1]
        return Operation(operation, migration.app_label, backwards, bool(migration.atomic), is_last)
    return None


class Own(Row):
    """An operation that stands in the list of its migration, or in an Expand that does.

    :param number: its place there.
    :param before: the state before it, unless it is taken back.
    :param part: its place in the Expand; None outside of one.
    """

    operation: Any
    app: str
    migration: str
    number: int
    backwards: bool
    before: Any = None
    part: int | None = None

    @property
    def whose(self) -> Whose:
        """The operation's place, by which its debt is known."""
        from ..execution.batches.position import Whose

        return Whose(self.app, self.migration, self.number, self.part)


def own_operation_at_work() -> Own | None:
    """Return the running operation; None if it is inside another one, and outside a migration."""
    for migration, frame in _at_work():
        operation = frame.f_locals.get("operation")
        # An operation inserted while migrate runs, such as a content type's new name, has no place in the file.
        written = (x for x in migration.operations if type(x).__module__ != CONTENT_TYPES)
        number = next((n for n, x in enumerate(written) if x is operation), None)
        if number is None or getattr(migration, "part_of_operation", False):
            return None
        backwards, before = frame.f_code.co_name == "unapply", frame.f_locals.get("old_state")
        return Own(operation, migration.app_label, migration.name, number, backwards, before)
    return None


def operations_at_work() -> tuple[Any, list[Any], bool] | None:
    """Return the operation of :func:`operation_at_work`, the operations that its migration runs after it, and whether
    that is taken back.
    """
    for migration, frame in _at_work():
        backwards = frame.f_code.co_name == "unapply"
        operation = frame.f_locals.get("operation")
        operations = list(reversed(migration.operations)) if backwards else list(migration.operations)
        here = next((n for n, x in enumerate(operations) if x is operation), None)
        return None if here is None else (operation, operations[here + 1 :], backwards)
    return None


def _at_work() -> Iterator[tuple[Any, FrameType]]:
    """Yield the running migrations, the innermost first."""
    # Imported here: Django's migrations import its models, and a backend is loaded before them.
    from django.db.migrations import Migration

    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name in ("apply", "unapply"):
            found = frame.f_locals.get("self")
            if isinstance(found, Migration):
                yield found, frame
        frame = frame.f_back
