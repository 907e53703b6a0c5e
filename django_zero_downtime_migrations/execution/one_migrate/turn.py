"""The turn of one ``migrate`` in a database and schema: waiting for it, keeping it and giving it back.

A session that waits in ``pg_advisory_lock()`` holds a snapshot, for which a concurrent build of the one before it waits
in turn: a deadlock. So the lock is asked for again and again.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Iterable, Sequence
from typing import Any

from ...django_types import Connection
from ...errors import CannotMigrate
from ..session.interrupt import interruptible
from ..session.questions import IN_ERROR, Question, ask
from .advisory import Holder, Key, Place, Seen

logger = logging.getLogger("django_zero_downtime_migrations")

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 1.0
WARN_EVERY_SECONDS = 10.0


class NoTurn(CannotMigrate):
    """The error of a run that cannot keep other runs out behind this pooler.

    :param why: in a sentence or two.
    :param way_out: what to do, in another sentence.
    """

    def __init__(self, why: str, way_out: str) -> None:
        super().__init__(f"{why} Nothing was sent. {way_out}")
        self.reason = f"{why} {way_out}"


class Turn:
    """The turn of one run, from ``one_at_a_time.take_turn`` to :meth:`release`.

    :ivar waited: another run had it first, and may have done what is to be done.
    :ivar answers: the answers to the questions asked once it had its turn; None if they were not asked.
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

    def renew(self) -> None:
        """Check before each step that the turn is still ours: almost always this asks nothing.

        :raises CannotMigrate: when another run has got the turn meanwhile.
        """
        holder = self._renew()
        if holder is not None:
            raise CannotMigrate(
                f"Another migrate has got the turn in {self.place}: {holder.who}. What had not been sent by then is "
                "not sent any more; run migrate again when the other has ended."
            )

    def release(self, last: str = "") -> None:
        """Let the next run go on. A key that cannot be released ends with the session.

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
        """Take the turn, or return its holder.

        Each run takes a key first and then looks for other keys, so of two simultaneous runs one sees the other.
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
        """Warn that the usual key is held, but not by a migrate."""
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
        """Ask which other sessions have keys of the place."""
        raise NotImplementedError

    def _send_last(self, sql: str) -> None:
        """Send it before the key is released."""
        ask(self.connection, sql)

    def _unlock(self) -> None:
        """Release the key, if there is one."""
        raise NotImplementedError

    def _renew(self) -> Holder | None:
        """Keep the key, or return the holder that has got it."""
        raise NotImplementedError

    # Waiting

    def wait(self, timeout_ms: int | None) -> None:
        """Wait for the turn, as ``one_at_a_time.take_turn`` does."""
        began, pause = time.monotonic(), FIRST_PAUSE_SECONDS
        said: float | None = None
        while (holder := self.try_once()) is not None:
            self.waited = True
            now = time.monotonic()
            left = pause if timeout_ms is None else timeout_ms / 1000 - (now - began)
            if left <= 0:
                raise self._refusal(holder, timeout_ms or 0)
            if said is None or now - said >= WARN_EVERY_SECONDS:
                said = now
                text = "Another migrate is at work in %s: %s. Waiting for its end, %.1f s so far. To end it: %s"
                logger.warning(text, self.place, holder.who, now - began, holder.end)
            # Imported here: almost always no other run is at work.
            from ..session.stay import stay

            # The pause is random, so as not to be in step with other waiting runs.
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

    def try_once(self) -> Holder | None:
        """Take the turn, or return its holder; Ctrl-C ends the statement."""
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
        """Whether the session is still the one that took the turn, and can be asked."""
        return self._same_session and self._driver.info.transaction_status != IN_ERROR
