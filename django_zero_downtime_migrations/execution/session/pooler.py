"""Whether a pooler such as PgBouncer is between us and the server, and whether it keeps one server connection for us.

If it does not, settings and locks of the session reach strangers.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from contextlib import closing
from enum import Enum
from typing import Any
from weakref import WeakKeyDictionary

from django.db import InterfaceError, OperationalError

from ...django_types import Connection, Cursor
from ...errors import CannotMigrate
from ...printable import printable
from ...record import Row
from .direct import is_direct, note_transactions, takes_transactions
from .second_connection import connect
from .timeouts import Session, first_seen

logger = logging.getLogger("django_zero_downtime_migrations")

#: How often another client tries to get the server connection that was ours. Once is enough if a pooler hands out the
#: one that was used last, twice if it takes turns; the rest is for pools that other clients use as well.
TRIES = 5
#: In a full session pool, the other client waits for as long as we stay. A busy pooler gets this long.
PATIENCE_SECONDS = 5.0
#: A pool that is almost full has no connection left for us while the other client holds one: it holds it no longer.
HOLD_SECONDS = 1.0
#: An answer that a pooler has given before ours has arrived by then.
GRACE_SECONDS = 0.2
STOP = "stop"


class Pooling(Enum):
    """How long a server connection stays with its client."""

    SESSION = "session"
    TRANSACTION = "transaction"
    STATEMENT = "statement"
    UNKNOWN = "unknown"


class Found(Row):
    """How a pooler pools.

    :param reason: why that is unknown.
    """

    pooling: Pooling
    reason: str = ""


#: The findings about driver connections.
_known: WeakKeyDictionary[Any, Found] = WeakKeyDictionary()

_WHAT = {
    Pooling.TRANSACTION: (
        "The connection goes through a pooler, such as PgBouncer with pool_mode=transaction, that gives each "
        "transaction a server connection of its own."
    ),
    Pooling.STATEMENT: (
        "The connection goes through a pooler, such as PgBouncer with pool_mode=statement, that takes no transaction "
        "(BEGIN)."
    ),
    Pooling.UNKNOWN: (
        "The connection goes through a pooler, and whether that keeps one server connection for each client, as "
        "PgBouncer does with pool_mode=session, could not be found out, since a second client was not served ({}). "
        "Leave room for one (PgBouncer: max_client_conn, default_pool_size, max_user_connections)."
    ),
}
WAY_OUT = (
    "Run migrate on a connection that is direct, or pooled by session: with PostgreSQL's own HOST and PORT in "
    "DATABASES, or with an alias that has them and `migrate --database ALIAS`."
)
ALONE = (
    "A statement CONCURRENTLY cannot carry its settings with it there, and one whose client goes away is ended and "
    "leaves an INVALID index."
)
NO_TRANSACTIONS = (
    "So nothing can be migrated there: a migration, its record and what Django does after it need transactions, with "
    "IDEMPOTENT_SQL and without it."
)
FORCED = (
    "LOCK_TIMEOUT_FORCE sets lock_timeout for the whole session, which would reach strangers there and miss RunPython."
)


def is_behind_pooler(connection: Connection, session: Session) -> bool:
    """Return whether there is a pooler.

    :param session: what the server says of the connection.
    """
    return not is_direct(connection, session.pid)


def refuse_statement_pooler(connection: Connection, session: Session | None = None) -> None:
    """Refuse to migrate through a pooler that takes no transactions. It is asked once for each driver connection.

    No transaction may be open. A PgBouncer that pools statements disconnects a client that says BEGIN; that client has
    no settings or locks to lose.

    :param session: what the server has said of the connection, if it has been asked.
    :raises CannotMigrate: if the pooler takes none.
    """
    connection.ensure_connection()
    if takes_transactions(connection):
        return
    if is_behind_pooler(connection, session or first_seen(connection)):
        _refuse_without_transactions(connection)
    note_transactions(connection)


def _refuse_without_transactions(connection: Connection) -> None:
    driver = connection.connection
    try:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("ROLLBACK")
        if not connection.get_autocommit():
            # The driver has begun a transaction itself, and does not know that it is over.
            driver.rollback()
    except (OperationalError, InterfaceError) as error:
        if not driver.closed:
            raise
        connection.close()
        raise CannotMigrate(
            f"{describe(Found(Pooling.STATEMENT))} {NO_TRANSACTIONS} {WAY_OUT} Nothing was sent."
        ) from error


def refuse_transaction_pooler(connection: Connection, session: Session, why: str, what: str) -> None:
    """Refuse what needs a session of its own.

    :param what: what is not sent then.
    :raises CannotMigrate: if the pooler does not pool sessions, or if that could not be found out.
    """
    if not is_behind_pooler(connection, session):
        return
    found = find_pooling(connection, session.pid)
    if found.pooling is Pooling.STATEMENT:
        why = NO_TRANSACTIONS
    if found.pooling is not Pooling.SESSION:
        raise CannotMigrate(f"{describe(found)} {why} {WAY_OUT} Nothing of this was sent: {what}")


def describe(found: Found) -> str:
    """Describe what is between us and the server, in a sentence or two."""
    return _WHAT[found.pooling].format(found.reason)


def find_pooling(connection: Connection, pid: int) -> Found:
    """Find out for how long a server connection behind the pooler is ours. No transaction of ours may be open.

    :param pid: of the server process that was ours a moment ago.
    """
    driver = connection.connection
    if driver in _known:
        return _known[driver]
    other = _Other(connection)
    try:
        found = _ask(connection, pid, other)
    finally:
        other.stop()
    logger.debug("Behind the pooler: %s", found)
    if found.pooling is not Pooling.UNKNOWN:
        _known[driver] = found
    return found


def _ask(connection: Connection, pid: int, other: _Other) -> Found:
    """Compare server processes: while another client holds a transaction, it has our process or we have got another."""
    ours = {pid}
    for _ in range(TRIES):
        theirs = other.begin()
        logger.debug("The server process is %s here and %s for another client.", ours, theirs)
        if theirs is None:
            return _without_answer(connection, pid, other)
        if theirs not in ours:
            # Asked twice: if the two clients take turns, each would get its own again.
            ours |= {_backend_pid(connection), _backend_pid(connection)}
        if theirs in ours or len(ours) > 1:
            return Found(Pooling.TRANSACTION)
    return Found(Pooling.SESSION)


def _without_answer(connection: Connection, pid: int, other: _Other) -> Found:
    """Judge a client without an answer: only a full session pool lets it wait while it answers our later question."""
    if other.pools_statements:
        return Found(Pooling.STATEMENT)
    if other.failed:
        return Found(Pooling.UNKNOWN, other.failed)
    for _ in range(TRIES):
        if not other.connected or _backend_pid(connection) != pid:
            break
        time.sleep(GRACE_SECONDS)
        if other.answered:
            break
    else:
        return Found(Pooling.SESSION)
    return Found(Pooling.UNKNOWN, f"no answer within {PATIENCE_SECONDS:.0f} s")


def _backend_pid(connection: Connection) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_catalog.pg_backend_pid()")
        return int(cursor.fetchone()[0])


class _Other:
    """Another client of the pooler, in a thread, since it may have to wait for a server connection.

    :ivar connected: the pooler has taken it.
    :ivar answered: it has been given a server connection once.
    :ivar failed: why the client has ended.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.connected = self.answered = self.pools_statements = False
        self.failed = ""
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
                self.connected = True
                self._begin_as_wished(cursor)
        except Exception as error:
            logger.debug("No second connection to the pooler: %r", error)
            self.failed = printable(" ".join(str(error).split()) or type(error).__name__)
            self._answers.put(None)

    def _begin_as_wished(self, cursor: Cursor) -> None:
        wish: str | None = self._wishes.get()
        cursor.execute("SELECT 1")
        self.answered = True
        # A PgBouncer that pools statements disconnects a client that says BEGIN; psycopg2 does not tell us why.
        self.pools_statements = True
        while wish != STOP:
            cursor.execute("BEGIN")
            self.pools_statements = False
            cursor.execute("SELECT pg_catalog.pg_backend_pid()")
            self._answers.put(cursor.fetchone()[0])
            wish = self._next_wish()
            # A pooler throws away the server connection of a client that disconnects inside a transaction.
            cursor.execute("COMMIT")
            wish = wish or self._wishes.get()

    def _next_wish(self) -> str | None:
        try:
            return self._wishes.get(timeout=HOLD_SECONDS)
        except queue.Empty:
            return None
