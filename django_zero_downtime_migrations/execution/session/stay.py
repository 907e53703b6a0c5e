"""A wait on a connection that stays in use."""

from __future__ import annotations

import time

from ...django_types import Connection

SIGN_OF_LIFE_SECONDS = 0.25


def stay(connection: Connection, seconds: float) -> None:
    """Sleep, and show the server meanwhile that the session is not idle: idle_session_timeout would end it."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, SIGN_OF_LIFE_SECONDS))
        if left > SIGN_OF_LIFE_SECONDS:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
