"""The turn of a connection whose session is not its own: behind a pooler such as PgBouncer with
``pool_mode=transaction``.

A second client of the pooler keeps a transaction open that holds the advisory lock. Nothing is written, so nothing can
be forged, published or left behind: when the process is gone, the pooler ends the transaction. If the pooler does not
notice that, the server ends it: the transaction may be idle for 30 seconds, and the process asks something there every
ten. It has neither a snapshot nor a lock on a table, so it keeps no row from VACUUM and no concurrent build waiting
(``tests/execution/test_lease.py``).
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import Any
from weakref import WeakKeyDictionary

from ...django_types import Connection
from ...errors import CannotMigrate
from ...printable import printable
from ..session.questions import Question
from ..session.second_connection import connect
from ..session.served import Statement
from .advisory import Holder, Key, Place, Seen, look
from .turn import NoTurn, Turn

logger = logging.getLogger("django_zero_downtime_migrations")

#: The server lets the transaction be idle for this long, in seconds.
SECONDS = 30.0
#: The process lets it be idle for at most one part in this many.
PART = 3
#: How many seconds a pooler has to give out a second server connection.
PATIENCE_SECONDS = 5.0
#: Characters of the host's name: an application_name has 63 in all.
HOST = 14

_NO_SECOND = (
    "Behind a pooler that pools transactions, the turn of this migrate is a transaction of its own, and the pooler has "
    "not given it a second server connection beside that of the migration ({})."
)
_WAY_OUT = (
    "Leave room for two (PgBouncer: default_pool_size, max_client_conn, max_user_connections), or run migrate on a "
    "connection that is direct, or pooled by session."
)
# A transaction_timeout (PostgreSQL 17) would end the transaction however busy it is.
_BEGIN = """
SELECT pg_catalog.pg_backend_pid(),
    pg_catalog.set_config('statement_timeout'::pg_catalog.text, '0'::pg_catalog.text, true),
    pg_catalog.set_config('idle_in_transaction_session_timeout'::pg_catalog.text, %s::pg_catalog.text, true),
    CASE
        WHEN pg_catalog.current_setting('transaction_timeout'::pg_catalog.text, true) IS NOT NULL
        THEN pg_catalog.set_config('transaction_timeout'::pg_catalog.text, '0'::pg_catalog.text, true)
    END
"""


class Lease:
    """A transaction beside the connection.

    :ivar pid: of its server process; 0 while there is none.
    :ivar holders: how many turns of the connection share it.
    :ivar lost: why it has ended.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.pid = 0
        self.holders = 0
        self.lost = ""
        self._session: Any = None
        self._statement = Statement(connection)
        self._alone = threading.Lock()
        self._over = threading.Event()
        # When the server was last asked something: its idle time counts from then, or later.
        self._asked = 0.0

    def begin(self) -> None:
        """Open the transaction.

        :raises NoTurn: when the pooler has no second server connection for it.
        """
        try:
            self._session = connect(self.connection, f"process {os.getpid()} on {_host()}")
            with self.patience():
                self._execute("BEGIN")
                self.pid = int(self._execute(_BEGIN, str(int(SECONDS * 1000)))[0])
        except Exception as error:
            raise self._refusal(error) from error

    def lock(self, key: Key) -> bool:
        """Try to take a key for the transaction.

        :raises NoTurn: when the transaction has ended.
        """
        try:
            return bool(self._execute(f"SELECT pg_catalog.pg_try_advisory_xact_lock({key.arguments})")[0])
        except Exception as error:
            raise self._refusal(error) from error

    @contextmanager
    def patience(self) -> Iterator[None]:
        """End the transaction when the block lasts for too long.

        In a pool of one server connection, a statement of the connection would wait for its end.

        :raises NoTurn: when that has happened.
        """
        timer = threading.Timer(PATIENCE_SECONDS, self._give_up)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()
        if self.lost:
            raise self._refusal()

    def _refusal(self, error: Exception | None = None) -> NoTurn:
        return NoTurn(_NO_SECOND.format(self.lost or printable(str(error).strip())), _WAY_OUT)

    def keep(self) -> None:
        """Ask at intervals, in a thread: a step may take hours."""
        self.holders = 1
        self._statement.begin()
        threading.Thread(target=self._work, name="lease", daemon=True).start()

    def is_kept(self) -> bool:
        """Return whether the transaction is still open; ask only if the thread has not done so lately."""
        late = time.monotonic() - self._asked > SECONDS * (PART - 1) / PART
        if late and not self.lost:
            self._ask_again()
        return not self.lost

    def end(self) -> None:
        """Roll the transaction back and close its connection. It raises nothing."""
        self._over.set()
        self._statement.end()
        self.holders = self.pid = 0
        session, self._session = self._session, None
        if session is None:
            return
        try:
            if not self.lost:
                # A pooler throws away the server connection of a client that disconnects inside a transaction.
                with self._alone, session.cursor() as cursor:
                    cursor.execute("ROLLBACK")
        except Exception as error:
            logger.debug("The turn ends with its connection: %r", error)
        finally:
            session.close()

    def _work(self) -> None:
        while not self._over.wait(SECONDS / PART) and not self.lost:
            self._ask_again(watch=True)

    def _ask_again(self, watch: bool = False) -> None:
        try:
            self._execute("SELECT 1")
            if watch and self._statement.is_unserved(self._execute, SECONDS / PART):
                self.lost = (
                    "the pooler serves no client, as when it is told to PAUSE, and waits for the end of the turn"
                )
                self._execute("ROLLBACK")
        except Exception as error:
            if not self._over.is_set():
                self.lost = printable(str(error).strip() or type(error).__name__)
                logger.debug("The turn is lost: %r", error)

    def _execute(self, sql: str, *params: object) -> Any:
        if not self._alone.acquire(timeout=SECONDS / PART):
            raise TimeoutError(f"no answer for {SECONDS / PART:.0f} s")
        try:
            if self._session is None:
                raise ConnectionError("the connection is closed")
            asked = time.monotonic()
            with self._session.cursor() as cursor:
                cursor.execute(sql, params or None)
                row = cursor.fetchone() if cursor.description else None
            self._asked = asked
            return row
        finally:
            self._alone.release()

    def _give_up(self) -> None:
        self.lost = f"no answer within {PATIENCE_SECONDS:.0f} s"
        if session := self._session:
            # The connection belongs to another thread, which may be waiting for an answer: an error wakes it up.
            with suppress(Exception), socket.socket(fileno=os.dup(session.fileno())) as wire:
                wire.shutdown(socket.SHUT_RDWR)


#: The leases of connections, by the key of the place.
_leases: WeakKeyDictionary[Any, dict[int, Lease]] = WeakKeyDictionary()


def kept(connection: Connection, place: Place) -> Lease | None:
    """Return the transaction that the connection has for this place already."""
    return _leases.get(connection, {}).get(place.key)


class LeaseTurn(Turn):
    """An advisory lock of a transaction beside the connection. A connection that has its turn already shares it."""

    def __init__(
        self, connection: Connection, place: Place, queries: bool = False, beside: Sequence[Question] = ()
    ) -> None:
        super().__init__(connection, place, queries, beside)
        self._lease = Lease(connection)

    def _try(self) -> Holder | None:
        if shared := kept(self.connection, self.place):
            self._lease = shared
            self._lease.holders += 1
            self._key = self.place.usual
            return None
        # While it waits for another run, it takes no server connection from the pool.
        if holder := self._look().migrate:
            return holder
        self._lease = Lease(self.connection)
        self._lease.begin()
        holder = super()._try()
        if holder is None:
            self._lease.keep()
            _leases.setdefault(self.connection, {})[self.place.key] = self._lease
        return holder

    def _lock(self, key: Key) -> bool:
        return self._lease.lock(key)

    def _look(self) -> Seen:
        with self._lease.patience() if self._lease.pid else nullcontext():
            seen, self.answers = look(self.connection, self.place, self._queries, self._lease.pid, self._beside)
        return seen

    def _unlock(self) -> None:
        if self._key is None and self._lease.holders:
            # This turn is released already; the connection's turn around it is not.
            return
        self._key = None
        self._lease.holders = max(self._lease.holders - 1, 0)
        if not self._lease.holders:
            if kept(self.connection, self.place) is self._lease:
                del _leases[self.connection][self.place.key]
            self._lease.end()

    def _renew(self) -> Holder | None:
        if not self._lease.is_kept():
            raise CannotMigrate(
                f"The turn of this migrate in {self.place} is lost, since the transaction that held it has ended "
                f"({self._lease.lost}): another migrate may have begun. What had not been sent by then is not sent any "
                "more; run migrate again."
            )
        return None


def _host() -> str:
    return socket.gethostname()[:HOST].encode("ascii", "replace").decode()
