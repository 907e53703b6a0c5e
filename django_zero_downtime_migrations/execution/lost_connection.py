"""A connection lost in the middle of a step: whether the server is done with it, and whether a new one opens."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, InterfaceError

from .send import Sender

if TYPE_CHECKING:
    from .one_migrate.turn import Turn

#: Tenths of a second to wait until a server process that has ended its client's connection ends itself.
SESSION_ENDS_WITHIN = 20


def why_lost(sender: Sender, turn: Turn | None, interrupted: bool) -> str | None:
    """Say why nothing can be sent; None if there is a connection, a new one if the old one is lost.

    :param interrupted: the user has ended the step, and does not have to wait for a new connection.
    """
    driver = sender.connection.connection
    if driver is not None and not driver.closed:
        return None
    if interrupted:
        return "The connection was closed"
    try:
        gone = _server_is_done(sender, driver)
        if turn is not None:
            turn.renew()
    except (DatabaseError, InterfaceError) as another:
        return f"The connection was lost, and there is no new one ({str(another).strip()})"
    return None if gone else "The connection was lost, and the server is still at work on the step"


def _server_is_done(sender: Sender, driver: Any) -> bool:
    """Connect, and return whether the session of the lost connection has ended."""
    session = sender.session
    pid = session.pid if session else getattr(getattr(driver, "info", None), "backend_pid", None)
    sender.connection.close()
    sender.session = None
    for _ in range(SESSION_ENDS_WITHIN):
        with sender.connection.cursor() as cursor:
            cursor.execute("SELECT FROM pg_catalog.pg_stat_activity WHERE pid = %s::pg_catalog.int4", [pid])
            if cursor.fetchone() is None:
                return True
        time.sleep(0.1)
    return False
