"""One ``migrate`` at a time in a database and schema.

A session that waits in ``pg_advisory_lock()`` holds a snapshot, for which a concurrent build of the one before it waits
in turn: a deadlock. So the lock is asked for again and again. Behind a pooler that gives each transaction a server
connection of its own, a session's lock belongs to strangers: there it is a row with a lease, in ``execution.lease``.
"""

from __future__ import annotations

import logging
import random
import time
from contextlib import nullcontext
from typing import Any

from django.db import DatabaseError, transaction

from ..errors import CannotMigrate
from . import lease
from .advisory import KEY, Holder, Place, ask, find_place, in_transaction, lock_holder
from .interrupt import interruptible
from .timeouts import IN_ERROR, Session

logger = logging.getLogger("django_zero_downtime_migrations")

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 1.0
WARN_EVERY_SECONDS = 10.0


class Turn:
    """From :meth:`take` to :meth:`release`.

    :ivar waited: somebody else had it first, and may have done what is to be done.
    """

    def __init__(self, connection: Any, place: Place, queries: bool = False) -> None:
        self.connection = connection
        self.place = place
        self.waited = False
        self._queries = queries
        self._driver = connection.connection

    @staticmethod
    def take(connection: Any, timeout_ms: int | None, queries: bool = False) -> Turn:
        """Wait until no other session has the turn in this database and schema.

        A connection that has it already gets it once more, and releases it once more.

        :param timeout_ms: ``settings.migrate_lock_timeout``: 0 fails at once, None waits for as long as it takes.
        :param queries: ``settings.show_blocking_queries``: the log may tell what the other is running.
        :raises CannotMigrate: when the time is over; it names the other, and how to end it.
        """
        turn = _turn(connection, queries)
        try:
            turn._wait(timeout_ms)
        except BaseException:
            turn.release()
            raise
        return turn

    def renew(self) -> None:
        """To be called before each step: almost always it asks nothing.

        :raises CannotMigrate: when somebody else has got the turn meanwhile.
        """
        holder = self._renew()
        if holder is not None:
            raise CannotMigrate(
                f"Another migrate has got the turn in {self.place}: {holder.who}. What had not been sent by then is "
                "not sent any more; run migrate again when the other has ended."
            )

    def release(self) -> None:
        """The next one may go on. It raises nothing: what cannot be released ends with the session."""
        try:
            self._release()
        except Exception as error:
            logger.debug("The turn could not be released: %r", error)

    # The ways of taking it differ in these

    def _try(self) -> Holder | None:
        """Take it, or say who has it."""
        raise NotImplementedError

    def _renew(self) -> Holder | None:
        """Keep it, or say who has got it."""
        raise NotImplementedError

    def _release(self) -> None:
        raise NotImplementedError

    # Waiting

    def _wait(self, timeout_ms: int | None) -> None:
        began, pause = time.monotonic(), FIRST_PAUSE_SECONDS
        said: float | None = None
        while (holder := self._interruptible_try()) is not None:
            self.waited = True
            now = time.monotonic()
            left = pause if timeout_ms is None else timeout_ms / 1000 - (now - began)
            if left <= 0:
                raise self._refusal(holder, timeout_ms or 0)
            if said is None or now - said >= WARN_EVERY_SECONDS:
                said = now
                text = "Another migrate is at work in %s: %s. Waiting for its end, %.1f s so far. To end it: %s"
                logger.warning(text, self.place, holder.who, now - began, holder.end)
            # Not in step with others that wait as well.
            time.sleep(min(random.uniform(pause / 2, pause), left))
            pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)
        if self.waited:
            logger.warning("The other migrate has ended; going on after %.1f s.", time.monotonic() - began)

    def _refusal(self, holder: Holder, timeout_ms: int) -> CannotMigrate:
        how_long = f" and has been for longer than MIGRATE_LOCK_TIMEOUT ({timeout_ms} ms)" if timeout_ms else ""
        return CannotMigrate(
            f"Another migrate is at work in {self.place}{how_long}: {holder.who}. Nothing was sent. Run migrate again "
            f"when it has ended, or end it: {holder.end}"
        )

    def _interruptible_try(self) -> Holder | None:
        with interruptible(self.connection) as ctrl_c:
            holder = self._try()
        if ctrl_c.pressed:
            raise KeyboardInterrupt
        return holder

    @property
    def _same_session(self) -> bool:
        return self.connection.connection is self._driver and not self._driver.closed

    @property
    def _usable(self) -> bool:
        """The session is still the one that took the turn, and it can be asked."""
        return self._same_session and self._driver.info.transaction_status != IN_ERROR


class SessionTurn(Turn):
    """An advisory lock of the session, or of its transaction.

    :ivar local: that of the transaction: it ends with it, wherever a pooler puts what comes after.
    """

    local = False
    _held = False

    def _try(self) -> Holder | None:
        function = "pg_try_advisory_xact_lock" if self.local else "pg_try_advisory_lock"
        while True:
            self._held = ask(self.connection, f"SELECT {function}(%s, %s)", KEY, self.place.key)[0]
            if self._held:
                holder = self._lease_holder()
                if holder is not None:
                    self._release()
                return holder
            if holder := lock_holder(self.connection, self.place, self._queries):
                return holder
            # It has been released between the two questions.

    def _renew(self) -> Holder | None:
        if self.local or self._same_session:
            return None
        # RunPython may have closed the connection, and the lock has gone with it.
        self.connection.ensure_connection()
        self._driver = self.connection.connection
        return self._try()

    def _lease_holder(self) -> Holder | None:
        """Somebody else goes through a pooler."""
        table = lease.table_name(self.place.schema)
        if not ask(self.connection, "SELECT to_regclass(%s) IS NOT NULL", table)[0]:
            return None
        # The table may go before it is read, which should not end a transaction of the caller's.
        savepoint = transaction.atomic(self.connection.alias) if in_transaction(self.connection) else nullcontext()
        try:
            with savepoint:
                row = ask(self.connection, *lease.held(self.connection, table))
            return Holder(*row) if row else None
        except DatabaseError as error:
            logger.debug("There is no lease any more: %r", error)
            return None

    def _release(self) -> None:
        if not self._held or self.local:
            return
        self._held = False
        if self._usable:
            ask(self.connection, "SELECT pg_advisory_unlock(%s, %s)", KEY, self.place.key)
        else:
            logger.debug("The turn ends with its session, which cannot be asked any more.")


class LeaseTurn(Turn):
    """A row that is taken for some minutes, and taken again before they are over."""

    def __init__(self, connection: Any, place: Place, queries: bool = False) -> None:
        super().__init__(connection, place, queries)
        self._lease = lease.Lease(connection, lease.table_name(place.schema), ask)

    def _try(self) -> Holder | None:
        if session := self._session():
            return session
        if holder := self._lease.take():
            return Holder(*holder)
        # Once more: one of two that come at the same time sees the other.
        if session := self._session():
            self._lease.release(usable=True)
        return session

    def _session(self) -> Holder | None:
        """Somebody else goes past the pooler."""
        return lock_holder(self.connection, self.place, self._queries)

    def _renew(self) -> Holder | None:
        if in_transaction(self.connection):
            # What is written there counts only at its end, and holds up who asks.
            return None
        holder = self._lease.renew()
        return Holder(*holder) if holder else None

    def _release(self) -> None:
        self._lease.release(self._usable and not in_transaction(self.connection))


def _turn(connection: Any, queries: bool) -> Turn:
    of_caller = in_transaction(connection)
    place = find_place(connection)
    from .pooler import is_behind_pooler

    turn = SessionTurn(connection, place, queries)
    if is_behind_pooler(connection, Session(place.pid, {})):
        if of_caller:
            turn.local = True
        elif _pools_transactions(connection, place.pid):
            return LeaseTurn(connection, place, queries)
    return turn


def _pools_transactions(connection: Any, pid: int) -> bool:
    from .pooler import pools_transactions

    autocommit = connection.get_autocommit()
    connection.set_autocommit(True)
    try:
        return pools_transactions(connection, pid)
    finally:
        connection.set_autocommit(autocommit)
