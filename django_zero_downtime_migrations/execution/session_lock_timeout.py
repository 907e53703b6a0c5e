"""LOCK_TIMEOUT_FORCE: what RunSQL and RunPython send has the lock timeout as well."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from . import timeouts


@contextmanager
def session_lock_timeout(connection: Any, lock_timeout: int) -> Iterator[None]:
    """For everything that is sent meanwhile. :param lock_timeout: in ms.

    :raises CannotMigrate: where a pooler would give the setting to strangers.
    """
    session = timeouts.session(connection)
    # In a caller's transaction it ends with that, also behind a pooler.
    local = bool(connection.in_atomic_block)
    if not local:
        from .pooler import FORCED, refuse_transaction_pooler

        refuse_transaction_pooler(connection, session, FORCED, "the migration")
    with timeouts.lock_timeout_for_all(connection, session, lock_timeout, local):
        yield
