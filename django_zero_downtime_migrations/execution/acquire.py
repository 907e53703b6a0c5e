"""A short step gets its locks without a queue behind it: look who holds them, wait outside the queue, try briefly, back
off.
"""

from __future__ import annotations

import logging
import os
import random
import time
from collections.abc import Callable
from typing import Any

from django.db import DatabaseError, OperationalError

from ..errors import LockNotAcquired
from ..locks import Blocker
from ..log import logger
from ..plan import Step, StepClass
from ..printable import printable
from ..settings import MigrationSettings
from . import timeouts
from .blockers import Look, cancel, look
from .reasons import sqlstate

#: Set to anything but the empty string, it makes every short step one attempt, as without LOCK_RETRY_TIMEOUT.
ENVIRONMENT = "ZERO_DOWNTIME_MIGRATIONS_NO_LOCK_RETRY"
#: The longest that an attempt waits for a lock, in ms, where LOCK_TIMEOUT sets no limit.
LONGEST = 1000
#: The first attempt waits for this part of LOCK_TIMEOUT; each further one twice as long, up to all of it. Chosen by
#: measurement: ``docs/decisions/0004-waiting-for-locks.md``.
PARTS = 64
SHORTEST = 10
#: A transaction that has run for this long, in ms, is one to wait for; a younger one is gone in a moment.
OLD = 100
#: On a table that always has such a transaction, only those count after a while that are older than this part of the
#: time waited so far: the attempts get through between the others.
PATIENCE = 10
#: What the work itself may take in ms, beside the wait, when a step locks more than one table.
ROOM = 20
#: Waiting outside the queue ends after LOCK_RETRY_TIMEOUT divided by this.
POLITE_PART = 2
POLL_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 2.0
SIGN_OF_LIFE_SECONDS = 0.25
#: From when on, and how often, a wait is worth a warning; otherwise it is told at level DEBUG.
WARN_AFTER_SECONDS = 1.0
WARN_EVERY_SECONDS = 10.0

LOCK_NOT_AVAILABLE, QUERY_CANCELED, DEADLOCK, NO_RIGHT = "55P03", "57014", "40P01", "42501"


class Notice:
    """Tell the log what keeps something waiting: at level DEBUG, as a warning after a second, and then every ten.

    :ivar told: whether there was anything to say.
    """

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.told = False
        self._warned: float | None = None

    @property
    def waited(self) -> float:
        """Seconds."""
        return time.monotonic() - self.began

    @property
    def level(self) -> int:
        """How the end of the wait is worth telling."""
        return logging.DEBUG if self._warned is None else logging.WARNING

    def tell(self, text: str, *values: object) -> None:
        now = time.monotonic()
        due = self.began + WARN_AFTER_SECONDS if self._warned is None else self._warned + WARN_EVERY_SECONDS
        if now >= due:
            self._warned = now
        logger.log(logging.WARNING if now >= due else logging.DEBUG, text, *values)
        self.told = True


def lock_wait(longest: int, attempt: int) -> int:
    """How long an attempt may wait for a lock, in ms. :param longest: of all, in ms. :param attempt: from 0."""
    return min(longest, max(SHORTEST, longest // PARTS) << min(attempt, 30))


def pause(took: float) -> float:
    """Seconds after an attempt in vain, which held the others up for ``took`` seconds: at least as long."""
    return max(took, random.uniform(0, min(LONGEST_PAUSE_SECONDS, 2 * took + POLL_SECONDS)))


def stay(connection: Any, seconds: float) -> None:
    """Sleep, and show the server meanwhile that the session is not idle: idle_session_timeout would end it."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, SIGN_OF_LIFE_SECONDS))
        if left > SIGN_OF_LIFE_SECONDS:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")


def retries(settings: MigrationSettings) -> bool:
    """Whether a short step asks for its locks more than once."""
    return bool(settings.lock_retry_timeout) and not os.environ.get(ENVIRONMENT)


def limits(settings: MigrationSettings, kind: StepClass, seen: Look, attempt: int) -> dict[str, int]:
    """The timeouts, in ms, of an attempt. :param attempt: from 0."""
    values = timeouts.local(settings, kind)
    lock = lock_wait(settings.lock_timeout or LONGEST, attempt)
    if seen.relations > 1 and kind is StepClass.SHORT:
        # Each of the tables is waited for in turn. Holding one and waiting for another, the step is in a deadlock with
        # who does it the other way round: it gives up before the server ends somebody.
        lock = min(lock, seen.deadlock_timeout * 3 // 4)
        whole = lock + max(lock // 10, ROOM)
        values["statement_timeout"] = min(values.get("statement_timeout") or whole, whole)
    if seen.transaction_timeout and values.get("statement_timeout"):
        # It would end the session, and not the attempt, which has its own end.
        values[timeouts.OF_TRANSACTION] = 0
    return values | {"lock_timeout": lock}


class Acquisition:
    """One step on its way to its locks.

    :param sql: what is sent, for messages.
    :param attempt: sends the step under these timeouts, in ms.
    """

    def __init__(
        self,
        connection: Any,
        settings: MigrationSettings,
        step: Step,
        sql: str,
        attempt: Callable[[dict[str, int]], None],
    ) -> None:
        self.connection = connection
        self.settings = settings
        self.step = step
        self.sql = sql
        self.attempt = attempt
        self.attempts = 0
        self.notice = Notice()
        limit = (settings.lock_retry_timeout or 0) / 1000
        self.until = self.notice.began + limit
        # A table that is never free of long transactions is migrated too: from here on it asks all the same.
        self.polite_until = self.notice.began + limit / POLITE_PART
        self._cancelled: set[int | None] = set()

    def run(self) -> None:
        """:raises LockNotAcquired: when LOCK_RETRY_TIMEOUT is over."""
        while True:
            seen = self._wait()
            began = time.monotonic()
            values = limits(self.settings, self.step.kind, seen, self.attempts)
            self.attempts += 1
            try:
                self.attempt(values)
            except OperationalError as error:
                took = time.monotonic() - began
                if not self._again(error, values, took):
                    raise
                self._back_off(error, values, took)
            else:
                break
        if self.notice.told:
            text = "Got the locks after %.1f s, at attempt %d."
            logger.log(self.notice.level, text, self.notice.waited, self.attempts)

    def _wait(self) -> Look:
        """Outside the queue, until nobody old is in the way."""
        while True:
            seen = look(self.connection, self.step.locks, self.settings.show_blocking_queries)
            old = [x for x in seen.blockers if x.older_than(max(OLD, self.notice.waited * 1000 / PATIENCE))]
            if not old or time.monotonic() >= self.polite_until:
                return seen
            in_the_way = "; ".join(map(str, old))
            text = "Waiting outside the queue, %.1f s so far, to send %s. In the way: %s"
            self.notice.tell(text, self.notice.waited, self.sql, in_the_way)
            for blocker in old:
                self._cancel_autovacuum(blocker)
            time.sleep(POLL_SECONDS)

    def _cancel_autovacuum(self, blocker: Blocker) -> None:
        if not blocker.autovacuum or blocker.wraparound or blocker.pid in self._cancelled:
            return
        self._cancelled.add(blocker.pid)
        try:
            done = cancel(self.connection, blocker)
        except DatabaseError as error:
            if sqlstate(error) != NO_RIGHT:
                raise
            logger.warning("This role may not cancel the autovacuum with pid %s; waiting for it.", blocker.pid)
        else:
            if done:
                logger.warning(
                    "Cancelled the autovacuum of %s; it will start again by itself.", printable(blocker.relation or "")
                )

    def _again(self, error: OperationalError, values: dict[str, int], took: float) -> bool:
        state = sqlstate(error)
        if state == QUERY_CANCELED and self.step.kind is StepClass.SHORT:
            # By our own timeout, and not by somebody; the message is in the server's language.
            return took * 1000 >= (values.get("statement_timeout") or float("inf"))
        return state in (LOCK_NOT_AVAILABLE, DEADLOCK)

    def _back_off(self, error: OperationalError, values: dict[str, int], took: float) -> None:
        seconds = pause(took)
        if time.monotonic() + seconds >= self.until:
            raise self._give_up() from error
        text = "Attempt %d: no lock within %d ms for %s; next in %.2f s."
        self.notice.tell(text, self.attempts, values["lock_timeout"], self.sql, seconds)
        stay(self.connection, seconds)

    def _give_up(self) -> LockNotAcquired:
        blockers = look(self.connection, self.step.locks, self.settings.show_blocking_queries).blockers
        in_the_way = "; ".join(map(str, blockers)) or "nobody any more, only short transactions one after the other"
        return LockNotAcquired(
            f"No lock within LOCK_RETRY_TIMEOUT ({self.notice.waited:.1f} s, {self.attempts} attempts) for {self.sql}. "
            f"In the way: {in_the_way}. Run the migration again when they have ended, or end them with "
            "pg_terminate_backend(pid).",
            self.sql,
            self.notice.waited,
            self.attempts,
            blockers,
        )
