"""The migration's own code and SQL: the effects of a RunPython cannot be seen, only whether they are committed; and
whether a statement is all that a RunSQL sends.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import router

from ..record import Row


class Operation(Row):
    """The operation that Django is running.

    :param operation: Django's object.
    :param atomic: whether its migration is.
    :param is_last: it is the last operation of its migration.
    """

    operation: Any
    app_label: str
    backwards: bool
    atomic: bool
    is_last: bool = False


class OwnCode:
    """The record of the operations that have run: it is told when each begins, and when the last one has ended."""

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._now: Operation | None = None
        #: The operations that have ended, each with the transaction of the editor that was open then.
        self._ended: list[tuple[Operation, object | None]] = []

    def begins(self, operation: Operation | None, transaction: object | None) -> None:
        """Note that an operation begins.

        :param operation: None at the end.
        :param transaction: the editor's transaction, if it is open.
        """
        if self._now is not None:
            self._ended.append((self._now, transaction))
        self._now = operation

    def is_all(self, sql: str) -> bool:
        """Whether a text is all that the operation sends, and another operation comes after it. The last one shares its
        transaction with the record of the migration.
        """
        # Imported here: most migrations have none.
        from django.db.migrations.operations.special import RunSQL

        now = self._now
        if now is None or now.is_last or type(now.operation) is not RunSQL:
            return False
        given = (now.operation.reverse_sql if now.backwards else now.operation.sql) or ""
        if isinstance(given, (list, tuple)):
            return len(given) == 1
        # Django may split a text into statements first.
        return given.strip() == sql.strip()

    def committed(self, transaction: object | None) -> list[str]:
        """Return the code that has run, and whose work stays when this transaction is rolled back."""
        ended = (operation for operation, own in self._ended if own is None or own is not transaction)
        return [name for operation in ended for name in self._names(operation)]

    def unfinished(self, transaction: object | None) -> list[str]:
        """Return the code that was running, if a part of its work may be committed."""
        now = self._now
        if now is None or transaction is not None or now.operation.atomic:
            return []
        in_own = now.operation.atomic is None and now.atomic
        return [] if in_own else list(self._names(now))

    def _names(self, given: Operation) -> Iterator[str]:
        from django.db.migrations.operations.special import RunPython

        from ..operation_facts import called_inside, is_known

        operation = given.operation
        for inner in called_inside(operation):
            yield from self._names(given._replace(operation=inner))
        if not isinstance(operation, RunPython):
            if not (is_known(operation) or operation.reduces_to_sql):
                # The operation declares that it does more than its SQL tells.
                yield type(operation).__name__
            return
        code = operation.reverse_code if given.backwards else operation.code
        runs = router.allow_migrate(self._alias, given.app_label, **operation.hints)
        if runs and code is not None and code is not RunPython.noop:
            yield f"RunPython({getattr(code, '__name__', repr(code))})"
