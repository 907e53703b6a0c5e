"""One ``migrate`` at a time in a database and schema.

A session that waits in ``pg_advisory_lock()`` holds a snapshot, for which a concurrent build of the one before it waits
in turn: a deadlock. So the lock is asked for again and again. Behind a pooler that gives each transaction a server
connection of its own, a session's lock belongs to strangers: there a transaction beside has it, in ``execution.lease``.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError

from ..django_types import Connection
from ..errors import CannotMigrate
from .advisory import Holder, Key, Place, Seen, find_place, look
from .interrupt import interruptible
from .questions import Question, ask, in_transaction
from .stay import stay
from .timeouts import IN_ERROR, Session

if TYPE_CHECKING:
    from .pooler import Found

logger = logging.getLogger("django_zero_downtime_migrations")

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 1.0
WARN_EVERY_SECONDS = 10.0


class NoTurn(CannotMigrate):
    """Behind this pooler a run has no way of keeping others out.

    :param why: in a sentence or two. :param way_out: what to do, in another.
    """

    def __init__(self, why: str, way_out: str) -> None:
        super().__init__(f"{why} Nothing was sent. {way_out}")
        self.reason = f"{why} {way_out}"


class Turn:
    """From :meth:`take` to :meth:`release`.

    :ivar waited: somebody else had it first, and may have done what is to be done.
    :ivar answers: those to the questions that were asked as soon as it had its turn; None when they were not.
    """

    def __init__(
        self, connection: Connection, place: Place, queries: bool = False, beside: Sequence[Question] = ()
    ) -> None:
        self.connection = connection
        self.place = place
        self.waited = False
        self.answers: list[list[tuple[Any, ...]]] | None = None
        self._queries = queries
        self._beside = beside
        self._key: Key | None = None
        self._warned: set[str] = set()
        self._driver = connection.connection

    @staticmethod
    def take(
        connection: Connection,
        timeout_ms: int | None,
        queries: bool = False,
        place: Place | None = None,
        beside: Sequence[Question] = (),
    ) -> Turn:
        """Wait until no other session has the turn in this database and schema.

        A connection that has it already gets it once more, and releases it once more.

        :param timeout_ms: ``settings.migrate_lock_timeout``: 0 fails at once, None waits for as long as it takes.
        :param queries: ``settings.show_blocking_queries``: the log may tell what the other is running.
        :param place: from :func:`.advisory.find_place`, which has tried its lock.
        :param beside: what to ask in the same round trip in which it is seen that nobody else is at work.
        :raises CannotMigrate: when the time is over; it names the other, and how to end it.
        :raises NoTurn: when there is none to be had, at any time.
        """
        turn = _turn(connection, place or find_place(connection, lock=True), queries, beside)
        try:
            turn._wait(timeout_ms)
        except BaseException:
            turn.release()
            raise
        return turn

    @staticmethod
    def attempt(connection: Connection, place: Place, queries: bool = False) -> tuple[Turn, Holder | None]:
        """Take it if nobody has it; otherwise tell who has.

        :raises NoTurn: as :meth:`take`.
        """
        turn = _turn(connection, place, queries, ())
        return turn, turn._interruptible_try()

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

    def release(self, last: str = "") -> None:
        """The next one may go on. What cannot be released ends with the session.

        :param last: what to send before, in a transaction of its own.
        :raises DatabaseError: when the server refuses that.
        """
        try:
            if last:
                self._send_last(last)
        finally:
            try:
                self._unlock()
            except Exception as error:
                logger.debug("The turn could not be released: %r", error)

    def _try(self) -> Holder | None:
        """Take it, or say who has it.

        Each takes a key first and looks for other keys then, so of two that come at the same time one sees the other.
        """
        key = self.place.usual
        if not self._lock(key):
            seen = self._look()
            if seen.migrate is not None:
                self._unlock()
                return seen.migrate
            self._warn(seen.strangers)
            key = self._lock_another()
        self._key = key
        seen = self._look()
        if seen.migrate is not None:
            self._unlock()
        return seen.migrate

    def _lock_another(self) -> Key:
        while not self._lock(key := self.place.another()):
            pass
        return key

    def _warn(self, strangers: Iterable[Holder]) -> None:
        """The usual key is held, but not by a migrate."""
        for holder in strangers:
            if holder.end not in self._warned:
                self._warned.add(holder.end)
                text = "The lock of migrate in %s is held, but not by a migrate: %s. Going on without it. To end it: %s"
                logger.warning(text, self.place, holder.who, holder.end)

    # The ways of taking it differ in these

    def _lock(self, key: Key) -> bool:
        """Try to take a key."""
        raise NotImplementedError

    def _look(self) -> Seen:
        """Ask who else has keys of the place."""
        raise NotImplementedError

    def _send_last(self, sql: str) -> None:
        """Before it is released."""
        ask(self.connection, sql)

    def _unlock(self) -> None:
        """Release the key, if there is one."""
        raise NotImplementedError

    def _renew(self) -> Holder | None:
        """Keep it, or say who has got it."""
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
            stay(self.connection, min(random.uniform(pause / 2, pause), left))
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
            raise ctrl_c.error
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

    def __init__(
        self, connection: Connection, place: Place, queries: bool = False, beside: Sequence[Question] = ()
    ) -> None:
        super().__init__(connection, place, queries, beside)
        self._tried = place.locked

    def _try(self) -> Holder | None:
        if not self.local:
            return super()._try()
        # What is locked after a savepoint is released with it.
        ask(self.connection, "SAVEPOINT zero_downtime_migrations_turn")
        holder = super()._try()
        if holder is not None:
            ask(self.connection, "ROLLBACK TO SAVEPOINT zero_downtime_migrations_turn")
        ask(self.connection, "RELEASE SAVEPOINT zero_downtime_migrations_turn")
        return holder

    def _lock(self, key: Key) -> bool:
        if (tried := self._tried) is not None:
            self._tried = None
            return tried
        function = "pg_try_advisory_xact_lock" if self.local else "pg_try_advisory_lock"
        # In a transaction, what it was told of other sessions before would be told again.
        taken, _ = ask(
            self.connection, f"SELECT pg_catalog.{function}({key.arguments}), pg_catalog.pg_stat_clear_snapshot()"
        )
        return bool(taken)

    def _look(self) -> Seen:
        seen, self.answers = look(self.connection, self.place, self._queries, beside=self._beside)
        return seen

    def _send_last(self, sql: str) -> None:
        """One string, with what releases the key."""
        key = self._key
        if key is None or self.local or in_transaction(self.connection) or not self.connection.get_autocommit():
            super()._send_last(sql)
            return
        unlock = f"SELECT pg_catalog.pg_advisory_unlock({key.arguments})"
        try:
            ask(self.connection, f"BEGIN; {sql}; COMMIT; {unlock}")
        except DatabaseError:
            if self._same_session:
                self._driver.rollback()
            raise
        self._key = None

    def _unlock(self) -> None:
        if self._key is None or self.local:
            return
        key, self._key = self._key, None
        if self._usable:
            ask(self.connection, f"SELECT pg_catalog.pg_advisory_unlock({key.arguments})")
        else:
            logger.debug("The turn ends with its session, which cannot be asked any more.")

    def _renew(self) -> Holder | None:
        if self.local or self._same_session:
            return None
        # RunPython may have closed the connection, and the lock has gone with it.
        self.connection.ensure_connection()
        self._driver = self.connection.connection
        return self._try()


def _turn(connection: Connection, place: Place, queries: bool, beside: Sequence[Question]) -> Turn:
    of_caller = in_transaction(connection)
    session = Session(place.pid, {})
    turn = SessionTurn(connection, place, queries, beside)
    from . import pooler

    if not pooler.is_behind_pooler(connection, session):
        return turn
    from . import lease

    if lease.kept(connection, place):
        return lease.LeaseTurn(connection, place, queries, beside)
    if of_caller:
        turn.local = True
        return turn
    pooler.refuse_statement_pooler(connection, session)
    found = _find_pooling(connection, place.pid)
    if found.pooling is pooler.Pooling.TRANSACTION:
        return lease.LeaseTurn(connection, place, queries, beside)
    if found.pooling is not pooler.Pooling.SESSION:
        why = "So it is not known how to keep other runs of migrate out, which IDEMPOTENT_SQL needs."
        raise NoTurn(f"{pooler.describe(found)} {why}", pooler.WAY_OUT)
    return turn


def _find_pooling(connection: Connection, pid: int) -> Found:
    from .pooler import find_pooling

    autocommit = connection.get_autocommit()
    connection.set_autocommit(True)
    try:
        return find_pooling(connection, pid)
    finally:
        connection.set_autocommit(autocommit)
