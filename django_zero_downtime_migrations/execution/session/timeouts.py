"""Timeouts by the class of a step, so that no timeout is left on a connection.

A short step sends ``SET LOCAL`` in one query string with its statement: one round trip, one implicit transaction, and
the settings end with it, also on an error and behind a transaction pooler (``tests/execution/test_timeouts.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from ...django_types import Connection
from ...record import Row
from ...server import Capabilities
from ...settings import MigrationSettings
from .questions import IN_ERROR

if TYPE_CHECKING:
    from ...planning.kinds import Step

NAMES = ("lock_timeout", "statement_timeout")
#: A timeout that ends the whole session, and with it what is being built, if the server has it.
OF_TRANSACTION = "transaction_timeout"
#: A step that blocks others does so until its COMMIT has returned, which waits for a synchronous standby for as long as
#: that takes, without any timeout. So such a step is on the disk of the primary alone when its locks are released. This
#: loses nothing: the record in django_migrations, and every row that a client writes into what the step has made, are
#: committed after it at the level of their own sessions, and a standby confirms the WAL in its order: a client that was
#: told of one of these has the step on the standby as well. Before that no client was told anything, and after a
#: failover the migration is not recorded and runs again.
LOCAL_COMMIT = "SET LOCAL synchronous_commit = local"


def local(settings: MigrationSettings, step: Step) -> dict[str, int]:
    """Return the settings, in ms, of a short step. An unbounded step gets a statement timeout only if the user asked
    for one.
    """
    statement = settings.short_statement_timeout if step.bounded else settings.statement_timeout
    values = {"lock_timeout": settings.lock_timeout, "statement_timeout": statement}
    return {name: value for name, value in values.items() if value is not None}


def attempt(connection: Connection, settings: MigrationSettings, step: Step) -> dict[str, int]:
    """Return the settings, in ms, of a step with one attempt only. A step with a limit of its own is not bounded by
    ``transaction_timeout`` as well: that would end the session with it.
    """
    values = local(settings, step)
    if values.get("statement_timeout") and first_seen(connection).timeouts.get(OF_TRANSACTION, "0") != "0":
        values[OF_TRANSACTION] = 0
    return values


def names(capabilities: Capabilities) -> tuple[str, ...]:
    """Return the names of the timeouts that end long statements."""
    return (*NAMES, OF_TRANSACTION) if capabilities.transaction_timeout else NAMES


def set_local(values: dict[str, int]) -> list[str]:
    return [f"SET LOCAL {name} = {value}" for name, value in values.items()]


class Session(Row):
    """The server's answer about a connection.

    :param pid: its server process.
    :param timeouts: with their units.
    """

    pid: int
    timeouts: dict[str, str]


def session(connection: Connection) -> Session:
    with connection.cursor() as cursor:
        asked = (*NAMES, OF_TRANSACTION)
        # A server without the last one returns NULL.
        settings = ", ".join(f"pg_catalog.current_setting('{name}', true)" for name in asked)
        cursor.execute(f"SELECT pg_catalog.pg_backend_pid(), {settings}")
        pid, *values = cursor.fetchone()
        return Session(pid, {name: value for name, value in zip(asked, values, strict=True) if value is not None})


#: The first answer, by driver connection.
_first: WeakKeyDictionary[Any, Session] = WeakKeyDictionary()


def first_seen(connection: Connection) -> Session:
    """Return :func:`session`, asked once for each driver connection: what the role, the database and OPTIONS have given
    it. No failed transaction may be open.
    """
    connection.ensure_connection()
    driver = connection.connection
    if driver not in _first:
        _first[driver] = session(connection)
    return _first[driver]


@contextmanager
def without(connection: Connection, known: Session, names: tuple[str, ...]) -> Iterator[None]:
    """Turn these timeouts off for a statement that cannot stand in a transaction, whatever the role or database has.

    The session's values are restored, unless the connection is gone.
    """
    before = {name: value for name, value in known.timeouts.items() if name in names and value != "0"}
    if not before:
        yield
        return
    _set(connection, dict.fromkeys(before, "0"))
    try:
        yield
    finally:
        _restore(connection, before)


@contextmanager
def lock_timeout_for_all(connection: Connection, known: Session, value: int, local: bool) -> Iterator[None]:
    """Set lock_timeout for all statements of the block.

    :param value: in ms.
    :param local: for the rest of the open transaction, at most.
    """
    _set(connection, {"lock_timeout": str(value)}, local)
    try:
        yield
    finally:
        _restore(connection, {"lock_timeout": known.timeouts["lock_timeout"]}, local)


@contextmanager
def inside(connection: Connection, values: dict[str, int]) -> Iterator[None]:
    """Set timeouts for a statement in the caller's transaction; a failure rolls the settings back with it."""
    if not values:
        yield
        return
    before = session(connection).timeouts
    _set(connection, {name: str(value) for name, value in values.items()}, local=True)
    yield
    _set(connection, {name: before[name] for name in values}, local=True)


def _restore(connection: Connection, values: dict[str, str], local: bool = False) -> None:
    driver = connection.connection
    # The rollback of a failed transaction restores them by itself.
    if driver is not None and not driver.closed and driver.info.transaction_status != IN_ERROR:
        _set(connection, values, local)


def _set(connection: Connection, values: dict[str, str], local: bool = False) -> None:
    calls = ", ".join(f"pg_catalog.set_config(%s, %s, {'true' if local else 'false'})" for _ in values)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {calls}", [part for item in values.items() for part in item])
