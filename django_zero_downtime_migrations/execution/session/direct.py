"""Connections that reach the server itself, and others that may go through a pooler, such as PgBouncer."""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

from ...django_types import Connection

#: Connections of the driver that reach the server itself, and those through which a transaction has gone.
_takes_transactions: WeakSet[Any] = WeakSet()


def is_direct(connection: Connection, pid: int) -> bool:
    """Return whether a connection reaches the server itself: a pooler makes up the key for cancelling a query, and the
    process id is part of it.

    :param pid: the process that has answered, as the server knows it.
    """
    return pid == int(connection.connection.info.backend_pid)


def note_transactions(connection: Connection) -> None:
    """Note that a transaction can be had through a connection."""
    _takes_transactions.add(connection.connection)


def takes_transactions(connection: Connection) -> bool:
    """Return whether it is known that a transaction can be had through a connection."""
    return connection.connection is not None and connection.connection in _takes_transactions
