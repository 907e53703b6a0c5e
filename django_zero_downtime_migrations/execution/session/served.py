"""Whether the pooler serves the connection at all. A paused pooler serves no client, and first waits for the end of
every transaction: also of the one in ``execution.one_migrate.lease``, whose end would wait for the connection in turn.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ...django_types import Connection

# These are functions and not views: a lock on a catalogue table would last as long as the transaction.
_ACTIVE = """
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_stat_get_activity(NULL::pg_catalog.int4) a,
        pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) me
    WHERE a.datid = me.datid AND a.usesysid = me.usesysid AND a.pid <> me.pid
    AND a.state <> 'idle'::pg_catalog.text
)
"""


class Statement:
    """The statement that a connection waits for, reported by Django's hook around each statement."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._since: float | None = None
        self._doubted: float | None = None

    def begin(self) -> None:
        # It is the first wrapper: connection.execute_wrapper() takes away the last when its block ends.
        self.connection.execute_wrappers.insert(0, self)

    def end(self) -> None:
        with suppress(ValueError):
            self.connection.execute_wrappers.remove(self)

    def __call__(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        self._since = time.monotonic()
        try:
            return execute(*arguments)
        finally:
            self._since = None

    def is_unserved(self, ask: Callable[[str], Any], seconds: float) -> bool:
        """Whether the server has had nothing to do for the pool's role, twice, while one and the same statement waits.

        :param ask: sends a question on a session of the same role, and returns the first row.
        :param seconds: how long the statement has to have waited.
        """
        since = self._since
        if since is None or time.monotonic() - since < seconds:
            return False
        ask("SELECT pg_catalog.pg_stat_clear_snapshot()")
        if ask(_ACTIVE)[0]:
            self._doubted = None
            return False
        before, self._doubted = self._doubted, since
        return before == since
