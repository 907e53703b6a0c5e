"""A short step gets its locks without a queue behind it: it looks for the sessions that hold them, waits outside the
queue, tries briefly, and backs off.
"""

from __future__ import annotations

import logging
import os
import random
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from django.db import DatabaseError, OperationalError

from ...django_types import Connection
from ...errors import LockNotAcquired, explain
from ...locks import Blocker
from ...log import logger
from ...planning.kinds import Step
from ...printable import printable
from ...settings import MigrationSettings
from ..server_errors import DEADLOCK_DETECTED, INSUFFICIENT_PRIVILEGE, LOCK_NOT_AVAILABLE, QUERY_CANCELED, sqlstate
from ..session.stay import stay
from .blockers import Look, cancel, look
from .limits import Known, Limits, limits

if TYPE_CHECKING:
    from .replicas import Replicas

#: When this environment variable has any non-empty value, every short step makes one attempt, as without
#: LOCK_RETRY_TIMEOUT.
ENVIRONMENT = "ZERO_DOWNTIME_MIGRATIONS_NO_LOCK_RETRY"
#: A step waits for transactions that have run for this long, in ms; a younger one is gone in a moment.
OLD = 100
#: The same limit on a standby, where an attempt does not end by itself if the transaction is not gone in a moment.
OLD_THERE = 20
#: On a table that always has such a transaction, only those older than this part of the time waited so far count after
#: a while: the attempts get through between the others.
PATIENCE = 10
#: An attempt that has had all its locks and has worked for STATEMENT_TIMEOUT is repeated at most this often.
WORKED = 3
#: Waiting outside the queue ends after LOCK_RETRY_TIMEOUT divided by this.
POLITE_PART = 2
POLL_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 2.0
#: When a wait is first worth a warning, and how often again; other messages go to level DEBUG.
WARN_AFTER_SECONDS = 1.0
WARN_EVERY_SECONDS = 10.0


class Notice:
    """Tell the log what a step waits for: at level DEBUG, as a warning after a second, and then every ten seconds.

    :ivar told: whether there was anything to say.
    """

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.told = False
        self._warned: float | None = None

    @property
    def waited(self) -> float:
        """Return the seconds since the wait began."""
        return time.monotonic() - self.began

    @property
    def level(self) -> int:
        """Return the log level for the end of the wait."""
        return logging.DEBUG if self._warned is None else logging.WARNING

    def tell(self, text: str, *values: object) -> None:
        now = time.monotonic()
        due = self.began + WARN_AFTER_SECONDS if self._warned is None else self._warned + WARN_EVERY_SECONDS
        if now >= due:
            self._warned = now
        logger.log(logging.WARNING if now >= due else logging.DEBUG, text, *values)
        self.told = True


def pause(took: float) -> float:
    """Return the seconds to wait after a failed attempt, at least as long as it held up others.

    :param took: how long the attempt took, in seconds.
    """
    return max(took, random.uniform(0, min(LONGEST_PAUSE_SECONDS, 2 * took + POLL_SECONDS)))


def retries(settings: MigrationSettings) -> bool:
    """Whether a short step asks for its locks more than once."""
    return bool(settings.lock_retry_timeout) and not os.environ.get(ENVIRONMENT)


class Acquisition:
    """One step that acquires its locks.

    :param sql: what is sent, for messages.
    :param attempt: sends the step behind these statements, in one transaction.
    :param replicas: the hot standbys that are asked as well.
    """

    def __init__(
        self,
        connection: Connection,
        settings: MigrationSettings,
        step: Step,
        sql: str,
        attempt: Callable[[Sequence[str]], None],
        replicas: Replicas | None = None,
    ) -> None:
        self.connection = connection
        self.settings = settings
        self.step = step
        self.sql = sql
        self.attempt = attempt
        self.replicas = replicas
        self.attempts = 0
        #: How many attempts have waited for a lock in vain, and how many have worked for too long.
        self.waited = self.worked = 0
        #: The experience of the attempts so far.
        self.known = Known()
        #: Whether this role may not see the age of one of the sessions in the way.
        self.unseen = False
        #: The sessions that were last seen in the way.
        self.last: tuple[Blocker, ...] = ()
        self.notice = Notice()
        limit = (settings.lock_retry_timeout or 0) / 1000
        self.until = self.notice.began + limit
        # A table that is never free of long transactions is migrated too: from here on the step asks regardless.
        self.polite_until = self.notice.began + limit / POLITE_PART
        self._cancelled: set[int | None] = set()

    def run(self) -> None:
        """Send the step once its locks are free.

        :raises LockNotAcquired: when LOCK_RETRY_TIMEOUT is over.
        """
        while True:
            seen = self._wait()
            self._learn(seen.blockers)
            began = time.monotonic()
            given = limits(self.settings, self.step, seen, self.attempts, self.known)
            self.attempts += 1
            try:
                self.attempt(given.prefix)
            except OperationalError as error:
                took = time.monotonic() - began
                if (why := self._in_vain(error, given, seen, took * 1000)) is None:
                    raise
                self._back_off(error, why, took)
            else:
                break
        if self.notice.told:
            text = "Got the locks after %.1f s, at attempt %d."
            logger.log(self.notice.level, text, self.notice.waited, self.attempts)

    def wait_for_replicas(self) -> None:
        """Wait outside the queue, for a step whose locks block other sessions only on the standbys.

        :raises LockNotAcquired: when LOCK_RETRY_TIMEOUT is over.
        """
        while True:
            late, found = self._late(), self.replicas.blockers(self.step.locks) if self.replicas else ()
            if not (in_the_way := late or [*map(str, self._old(found))]):
                return
            self._stay_outside(in_the_way)

    def _wait(self) -> Look:
        """Wait outside the queue until no old transaction is in the way and the standbys have caught up."""
        while True:
            late, seen = self._late(), self._look()
            old = self._old(seen.blockers)
            if time.monotonic() >= self.polite_until:
                # An attempt ends by itself on the primary; nothing ends it on a standby.
                old = [x for x in old if x.replica is not None]
            if not late and not old:
                return seen
            self._stay_outside(late or [*map(str, old)])
            for blocker in old:
                self._cancel_autovacuum(blocker)

    def _old(self, blockers: Sequence[Blocker]) -> list[Blocker]:
        patience = self.notice.waited * 1000 / PATIENCE
        return [x for x in blockers if x.older_than(max(OLD if x.replica is None else OLD_THERE, patience))]

    def _learn(self, blockers: tuple[Blocker, ...]) -> None:
        ages = [x.age for x in blockers if x.replica is None]
        if blockers:
            self.last = blockers
        if self.unseen or None in ages:
            self.unseen = True
            self.known = self.known._replace(oldest=None)
        else:
            self.known = self.known._replace(oldest=max([self.known.oldest or 0, *(x for x in ages if x is not None)]))

    def _late(self) -> list[str]:
        return self.replicas.late() if self.replicas else []

    def _stay_outside(self, in_the_way: Sequence[str]) -> None:
        if time.monotonic() >= self.until:
            raise self._give_up()
        text = "Waiting outside the queue, %.1f s so far, to send %s. In the way: %s"
        self.notice.tell(text, self.notice.waited, self.sql, "; ".join(in_the_way))
        time.sleep(POLL_SECONDS)

    def _cancel_autovacuum(self, blocker: Blocker) -> None:
        if not blocker.autovacuum or blocker.wraparound or blocker.pid in self._cancelled:
            return
        self._cancelled.add(blocker.pid)
        try:
            done = cancel(self.connection, blocker)
        except DatabaseError as error:
            if sqlstate(error) != INSUFFICIENT_PRIVILEGE:
                raise
            logger.warning("This role may not cancel the autovacuum with pid %s; waiting for it.", blocker.pid)
        else:
            if done:
                logger.warning(
                    "Cancelled the autovacuum of %s; it will start again by itself.", printable(blocker.relation or "")
                )

    def _in_vain(self, error: OperationalError, given: Limits, seen: Look, took: float) -> str | None:
        """Return what ended an attempt; None when it is not to be repeated.

        :param took: how long the attempt took, in ms.
        """
        state, short = sqlstate(error), self.step.bounded
        if state in (LOCK_NOT_AVAILABLE, DEADLOCK_DETECTED):
            self.waited += 1
            return f"no lock within {given.wait} ms for"
        # Only our own timeout counts, not another session's cancel; the message is in the server's language.
        if state != QUERY_CANCELED or not given.ends(took, short):
            return None
        if short and given.work and took >= given.work:
            return self._worked(error, given.work)
        found = seen.blockers or self._look().blockers
        self._learn(found)
        if found:
            self.waited += 1
            return f"no lock within {given.wait} ms for"
        self.known = self.known._replace(growth=self.known.growth * 2)
        return f"no session was in the way, and it took longer than {took:.0f} ms to lock all tables of"

    def _worked(self, error: OperationalError, limit: int) -> str | None:
        self.worked += 1
        if self.worked < WORKED:
            return f"did not wait, and took longer than STATEMENT_TIMEOUT ({limit} ms):"
        explain(
            error,
            f"It did not wait: the work alone took longer than STATEMENT_TIMEOUT ({limit} ms), {WORKED} times. "
            "Give it a longer STATEMENT_TIMEOUT, for which others may have to wait behind it.",
        )
        return None

    def _back_off(self, error: OperationalError, why: str, took: float) -> None:
        seconds = pause(took)
        if time.monotonic() + seconds >= self.until:
            raise self._give_up() from error
        self.notice.tell("Attempt %d: %s %s; next in %.2f s.", self.attempts, why, self.sql, seconds)
        stay(self.connection, seconds)

    def _look(self) -> Look:
        seen = look(self.connection, self.step.locks, self.settings.show_blocking_queries)
        there = self.replicas.blockers(self.step.locks) if self.replicas else ()
        return seen._replace(blockers=(*seen.blockers, *there))

    def _give_up(self) -> LockNotAcquired:
        late, blockers = self._late(), self._look().blockers
        in_the_way = "; ".join(late or map(str, blockers)) or self._nobody()
        return LockNotAcquired(
            f"No lock within LOCK_RETRY_TIMEOUT ({self.notice.waited:.1f} s, {self.attempts} attempts) for {self.sql}. "
            f"In the way: {in_the_way}. Run the migration again when they have ended, or end them with "
            "pg_terminate_backend(pid).",
            self.sql,
            self.notice.waited,
            self.attempts,
            blockers,
        )

    def _nobody(self) -> str:
        """Say what was seen before, when no session is in the way any more."""
        seen = []
        if self.waited:
            seen.append(f"{self.waited} of the attempts waited for transactions that have ended")
        if self.last:
            seen.append(f"the last ones seen: {'; '.join(map(str, self.last))}")
        if self.worked:
            seen.append(f"{self.worked} of the attempts took longer than STATEMENT_TIMEOUT and did not wait")
        if self.known.growth > 1:
            seen.append("to lock all tables took longer than an attempt may")
        return ", ".join(["no session any more", *seen])
