"""LOCK_TIMEOUT_FORCE: what RunSQL and RunPython send has the lock timeout as well."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ...django_types import Connection
from . import timeouts


@contextmanager
def session_lock_timeout(connection: Connection, lock_timeout: int) -> Iterator[None]:
    """Set the lock timeout for everything that is sent in the block.

    :param lock_timeout: in ms.
    :raises CannotMigrate: if a pooler would give the setting to strangers.
    """
    session = timeouts.session(connection)
    # In a caller's transaction the setting ends with that transaction, also behind a pooler.
    local = bool(connection.in_atomic_block)
    if not local:
        from .pooler import FORCED, refuse_transaction_pooler

        refuse_transaction_pooler(connection, session, FORCED, "the migration")
    with timeouts.lock_timeout_for_all(connection, session, lock_timeout, local):
        yield
