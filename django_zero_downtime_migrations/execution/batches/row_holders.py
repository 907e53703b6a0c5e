"""The sessions that hold rows to be changed: they are logged, waited for without a lock, and named in the end."""

from __future__ import annotations

import time

from django.db import OperationalError

from ...django_types import Connection
from ...errors import LockNotAcquired
from ...locks import Blocker, Lock, LockMode
from ...log import logger
from ...settings import MigrationSettings
from ..locks.acquire import OLD, POLL_SECONDS, Notice, pause, retries
from ..locks.blockers import look
from ..session.stay import stay
from .batch_sql import Update


class RowHolders:
    """The sessions that hold rows of one UPDATE's table."""

    def __init__(self, connection: Connection, settings: MigrationSettings, update: Update) -> None:
        self.connection = connection
        self.settings = settings
        self.update = update
        self.table = update.table
        self.notice = Notice()
        self._progressed = time.monotonic()

    def progressed(self) -> None:
        """Note that rows have been changed: LOCK_RETRY_TIMEOUT counts from now on."""
        self._progressed = time.monotonic()

    def over(self) -> None:
        """Note that the rows to be changed are locked no longer."""
        if self.notice.told:
            text = "%s: no row is locked by others any more, %.1f s after the first one was found."
            logger.log(self.notice.level, text, self.table, self.notice.waited)
        self.notice = Notice()

    def put_off(self, error: OperationalError, page: int, took: float, rows: int, attempts: int) -> None:
        """Leave the others at least as long as they were held up.

        :param page: the first page that was asked for.
        :param took: the time of the attempt, in seconds.
        :param rows: how many have been changed.
        :param attempts: the most that there have been for one page.
        :raises LockNotAcquired: after LOCK_RETRY_TIMEOUT without progress.
        """
        seconds = pause(took)
        if not self.notice.told:
            self.notice = Notice()
        text = "%s: rows from page %d on are locked by others; going on in %.2f s."
        self.notice.tell(text, self.table, page, seconds)
        self._refuse_to_wait_longer(error, rows, attempts)
        stay(self.connection, seconds)
        while self._blockers(LockMode.ROW_EXCLUSIVE):
            # If the whole table is locked, one page after the other would be put aside.
            self.notice.tell("%s: waiting outside the queue. In the way: %s", self.table, self._in_the_way())
            self._refuse_to_wait_longer(error, rows, attempts)
            time.sleep(POLL_SECONDS)

    def _refuse_to_wait_longer(self, error: OperationalError, rows: int, attempts: int) -> None:
        waited = time.monotonic() - self._progressed
        if not retries(self.settings) or waited * 1000 < (self.settings.lock_retry_timeout or 0):
            return
        raise LockNotAcquired(
            f"Rows of {self.table} have been locked by others for LOCK_RETRY_TIMEOUT ({waited:.1f} s). In the way: "
            f"{self._in_the_way()}. {rows} rows are changed and stay so. Run the migration again when they have "
            "ended, or end them with pg_terminate_backend(pid).",
            self.update.whole,
            waited,
            attempts,
            self._row_holders(),
        ) from error

    def _in_the_way(self) -> str:
        return "; ".join(map(str, self._row_holders())) or "no session any more, only short transactions"

    def _row_holders(self) -> tuple[Blocker, ...]:
        """Return the sessions that may have locked rows, the old ones if there are any."""
        # A session that holds just this lock, a vacuum for example, has no rows.
        rowless = LockMode.SHARE_UPDATE_EXCLUSIVE
        found = tuple(x for x in self._blockers(LockMode.EXCLUSIVE) if x.mode is not rowless)
        return tuple(x for x in found if x.older_than(OLD)) or found

    def _blockers(self, mode: LockMode) -> tuple[Blocker, ...]:
        return look(self.connection, [Lock(self.table, mode)], self.settings.show_blocking_queries).blockers
