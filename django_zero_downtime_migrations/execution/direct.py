"""Connections that reach the server itself, and others that may go through a pooler, such as PgBouncer."""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

from ..django_types import Connection

#: Connections of the driver that reach the server itself, and those through which a transaction has gone.
_takes_transactions: WeakSet[Any] = WeakSet()


def is_direct(connection: Connection, pid: int) -> bool:
    """A pooler makes up the key with which a client may cancel its query, and the process id is part of it.

    :param pid: of the process that has answered, as the server knows it.
    """
    return pid == int(connection.connection.info.backend_pid)


def note_transactions(connection: Connection) -> None:
    """A transaction can be had there."""
    _takes_transactions.add(connection.connection)


def takes_transactions(connection: Connection) -> bool:
    """Whether it is known that a transaction can be had there."""
    return connection.connection is not None and connection.connection in _takes_transactions
