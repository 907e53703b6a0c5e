"""Is there a pooler such as PgBouncer between us and the server, that gives each transaction a connection of its own?

Settings of the session do not stick there: they reach strangers.
"""

from __future__ import annotations

import logging
import queue
import threading
from contextlib import closing
from typing import Any
from weakref import WeakSet

from ..errors import CannotMigrate
from .beside import connect
from .timeouts import Session

logger = logging.getLogger("django_zero_downtime_migrations")

#: How often another client tries to get the server connection that was ours. Once suffices where a pooler hands out the
#: one that was used last, twice where it takes turns; the rest is for pools that others use as well.
TRIES = 5
#: In a session pool that is full, the other client waits for as long as we stay. So long is a busy pooler given.
PATIENCE_SECONDS = 5.0
#: A pool that others have all but used up has none left for us while the other client holds one: not for longer, then.
HOLD_SECONDS = 1.0
STOP = "stop"

#: Connections of the driver that keep their server connection, as has been found out.
_sessions: WeakSet[Any] = WeakSet()

_WAY_OUT = (
    "The connection goes through a pooler, such as PgBouncer with pool_mode=transaction, that gives each transaction a "
    "server connection of its own. {why} Run migrate on a connection that is direct, or pooled by session: with "
    "PostgreSQL's own HOST and PORT in DATABASES, or with an alias that has them and `migrate --database ALIAS`. "
    "Nothing of this was sent: {what}"
)
ALONE = (
    "A statement CONCURRENTLY cannot carry its settings with it there, and one whose client goes away is ended and "
    "leaves an INVALID index."
)
FORCED = (
    "LOCK_TIMEOUT_FORCE sets lock_timeout for the whole session, which would reach strangers there and miss RunPython."
)


def is_behind_pooler(connection: Any, session: Session) -> bool:
    """A pooler makes up the key with which a client may cancel its query, and the process id is part of it."""
    return session.pid != int(connection.connection.info.backend_pid)


def refuse_transaction_pooler(connection: Any, session: Session, why: str, what: str) -> None:
    """:param what: what is not sent then. :raises CannotMigrate: where the pooler pools transactions."""
    if not is_behind_pooler(connection, session) or connection.connection in _sessions:
        return
    if pools_transactions(connection, session.pid):
        raise CannotMigrate(_WAY_OUT.format(why=why, what=what))
    _sessions.add(connection.connection)


def pools_transactions(connection: Any, pid: int) -> bool:
    """Whether the server connection is ours only until the transaction ends. None of ours may be open.

    While another client holds a transaction, it has our server process or we have got another one.

    :param pid: of the server process that was ours a moment ago.
    """
    ours = {pid}
    other = _Other(connection)
    try:
        for _ in range(TRIES):
            theirs = other.begin()
            logger.debug("The server process is %s here and %s for another client.", ours, theirs)
            if theirs is None:
                return other.pools_statements
            if theirs not in ours:
                # Twice: where the two clients take turns, each would get its own again.
                ours |= {_backend_pid(connection), _backend_pid(connection)}
            if theirs in ours or len(ours) > 1:
                return True
    finally:
        other.stop()
    return False


def _backend_pid(connection: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


class _Other:
    """Another client of the pooler, in a thread, since it may have to wait for a server connection."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.pools_statements = False
        self._wishes: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="pooler", daemon=True).start()

    def begin(self) -> int | None:
        """End its transaction, begin another, and return the process id that it has there; None when it gets none.

        It ends by itself after ``HOLD_SECONDS``.
        """
        self._wishes.put("begin")
        try:
            return self._answers.get(timeout=PATIENCE_SECONDS)
        except queue.Empty:
            return None

    def stop(self) -> None:
        self._wishes.put(STOP)

    def _work(self) -> None:
        try:
            with closing(connect(self.connection, "pooler")) as session, session.cursor() as cursor:
                wish: str | None = self._wishes.get()
                cursor.execute("SELECT 1")
                # PgBouncer ends a client that says BEGIN where it pools statements; psycopg2 does not tell us why.
                self.pools_statements = True
                while wish != STOP:
                    cursor.execute("BEGIN")
                    self.pools_statements = False
                    cursor.execute("SELECT pg_backend_pid()")
                    self._answers.put(cursor.fetchone()[0])
                    wish = self._next_wish()
                    # A pooler throws away the server connection of a client that goes in the middle of one.
                    cursor.execute("COMMIT")
                    wish = wish or self._wishes.get()
        except Exception as error:
            logger.debug("No second connection to the pooler: %r", error)
            self._answers.put(None)

    def _next_wish(self) -> str | None:
        try:
            return self._wishes.get(timeout=HOLD_SECONDS)
        except queue.Empty:
            return None
