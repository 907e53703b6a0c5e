"""Timeouts by the class of a step, so that none is left on a connection.

A short step sends ``SET LOCAL`` in one query string with its statement: one round trip, one implicit transaction, and
the settings go with it, also on an error and behind a transaction pooler (``tests/execution/test_timeouts.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..plan import StepClass
from ..settings import MigrationSettings

NAMES = ("lock_timeout", "statement_timeout")
NONE = dict.fromkeys(NAMES, 0)


def local(settings: MigrationSettings, kind: StepClass) -> dict[str, int]:
    """The settings, in ms, of a short step. An unsafe step gets no statement timeout that the user did not ask for."""
    statement = settings.statement_timeout if kind is StepClass.UNSAFE else settings.short_statement_timeout
    values = {"lock_timeout": settings.lock_timeout, "statement_timeout": statement}
    return {name: value for name, value in values.items() if value is not None}


def set_local(values: dict[str, int]) -> list[str]:
    return [f"SET LOCAL {name} = {value}" for name, value in values.items()]


def current(connection: Any) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('lock_timeout'), current_setting('statement_timeout')")
        return dict(zip(NAMES, cursor.fetchone(), strict=True))


@contextmanager
def without(connection: Any) -> Iterator[None]:
    """No lock timeout and no statement timeout for a statement that cannot stand in a transaction, whatever the role
    or database has.

    What the session had comes back, unless the connection is gone.
    """
    before = {name: value for name, value in current(connection).items() if value != "0"}
    if not before:
        yield
        return
    _set(connection, dict.fromkeys(before, "0"))
    try:
        yield
    finally:
        if connection.connection is not None and not connection.connection.closed:
            _set(connection, before)


@contextmanager
def lock_timeout_for_all(connection: Any, value: int) -> Iterator[None]:
    """LOCK_TIMEOUT_FORCE: also what RunSQL and RunPython send waits no longer for a lock. :param value: in ms."""
    before = current(connection)["lock_timeout"]
    _set(connection, {"lock_timeout": str(value)})
    try:
        yield
    finally:
        if connection.connection is not None and not connection.connection.closed:
            _set(connection, {"lock_timeout": before})


@contextmanager
def inside(connection: Any, values: dict[str, int]) -> Iterator[None]:
    """Timeouts for a statement in the caller's transaction; a failed one rolls the settings back with it."""
    if not values:
        yield
        return
    before = current(connection)
    _set(connection, {name: str(value) for name, value in values.items()}, local=True)
    yield
    _set(connection, {name: before[name] for name in values}, local=True)


def _set(connection: Any, values: dict[str, str], local: bool = False) -> None:
    calls = ", ".join(f"set_config(%s, %s, {'true' if local else 'false'})" for _ in values)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {calls}", [part for item in values.items() for part in item])
