"""An UPDATE of many rows in ranges of pages: each is committed by itself, and never waits long for locked rows.

A range that meets a row locked by another transaction releases its own rows and is tried again, half as large. On a
single page, first the free rows are changed, then the others one by one: an UPDATE that holds no row while it waits
for one is in no deadlock. Rows that are not free then are put aside, and the other pages go on.
"""

from __future__ import annotations

import random
import re
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DataError, IntegrityError, OperationalError, ProgrammingError
from django.db.backends.postgresql.psycopg_any import is_psycopg3

from ...django_types import Connection
from ...errors import CannotMigrate, explain
from ...log import logger
from ...record import Row
from ...server import capabilities
from ...settings import MigrationSettings
from ..locks.limits import LONGEST, lock_wait
from ..server_errors import DEADLOCK_DETECTED, LOCK_NOT_AVAILABLE, QUERY_CANCELED, SERIALIZATION_FAILURE, sqlstate
from ..session.interrupt import interruptible
from ..session.timeouts import OF_TRANSACTION, names, set_local
from .backfill_progress import BackfillProgress, Where
from .batch_sql import DEADLOCK_SQL, FIRST_PAGES, ROW_WAITS, STILL, STRAYS, Update, pages_sql
from .pace import Pace
from .position import NOBODY, Caller, Position, Saved
from .row_holders import RowHolders

#: The command that continues it, by whether the migration has left it for later.
COMMANDS = {False: "migrate", True: "manage.py backfills --run"}
#: At most this many rows that cannot be changed are named.
NAMED = 10
#: The condition of a row whose key has numbers and UUIDs alone: a text would be a value of the row.
NO_TEXT = re.compile(r"[^']*'[0-9a-f-]+'( AND [^']*'[0-9a-f-]+')*")
#: The server's errors for a row that is not available.
WAITS_IN_VAIN = (LOCK_NOT_AVAILABLE, DEADLOCK_DETECTED, SERIALIZATION_FAILURE)


class HeldPage(Row):
    """A page that is not done.

    :param waits: how often a row of it was not free.
    :param slow: how often a row of it took longer than it may.
    """

    page: int
    waits: int = 0
    slow: int = 0


class Batches:
    """One UPDATE.

    :ivar position: all rows before this page have been asked for, except the pages in ``held``.
    :ivar rows: how many have been changed.
    """

    def __init__(
        self,
        connection: Connection,
        settings: MigrationSettings,
        update: Update,
        caller: Caller = NOBODY,
    ) -> None:
        self.connection = connection
        self.settings = settings
        self.update = update
        self.table = update.table
        self.saved = Position(connection, update, caller)
        self.pace = Pace(connection, settings, self.table, self.saved.paused, COMMANDS[caller.later])
        self.progress = BackfillProgress(connection, self.table, caller.stream)
        self.position = 0
        self.rows = 0
        self.held: deque[HeldPage] = deque()
        self._pages = FIRST_PAGES
        self._total = 0
        self._longest = LONGEST
        self.holders = RowHolders(connection, settings, update)

    def run(self) -> int:
        """Change the rows, and return how many there were.

        :raises LockNotAcquired: after LOCK_RETRY_TIMEOUT without progress.
        :raises BackfillStopped: when the next run has to continue it.
        :raises CannotMigrate: when a changed row would be changed again.
        """
        self._measure()
        if (self.saved.later or self._total > FIRST_PAGES) and (saved := self.saved.read()):
            self.position, self._total, self.rows = saved.page, saved.pages, saved.rows
            self.held = deque(map(HeldPage, saved.held))
            logger.warning("%s: going on at page %d of %d.", self.table, self.position, self._total)
        if self.saved.exists:
            self.pace.wait()
        self.progress.begin(self.where)
        try:
            self._all()
        finally:
            self.progress.end()
        self.saved.end()
        logger.info("%s: %d rows changed (%s)", self.table, self.rows, self.update.what)
        return self.rows

    @property
    def where(self) -> Where:
        return Where(self.position, self._total, self.rows, len(self.held))

    def _all(self) -> None:
        self._through()
        if self._strays():
            # Holders cannot have moved this many rows: the saved position was wrong, or others write such rows.
            self._measure()
            self._through()
            self._strays()

    def _through(self) -> None:
        while self.position < self._total:
            self._forwards()
        while self.held:
            self._put_aside(self._page(self.held.popleft()))
        self.holders.over()

    def _measure(self) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(f"SELECT ({pages_sql('%s')}), {DEADLOCK_SQL}", [self.table])
            total, limit = cursor.fetchone()
        self.position, self._total = 0, int(total)
        self._longest = max(1, min(self.settings.lock_timeout or LONGEST, int(limit)))

    def _forwards(self) -> None:
        start, pages, began = self.position, self._pages, time.monotonic()
        failed = self._range(start, start + pages)
        if failed and pages > 1:
            self._pages = pages // 2
            return
        if failed:
            self._put_aside(self._page(HeldPage(start)))
        took = max(time.monotonic() - began, 0.001)
        self.position += pages
        self._pages = max(1, min(pages * 2, int(pages * self.settings.backfill_batch_time / 1000 / took)))
        if self.position < self._total:
            self._pause(took)

    def _pause(self, took: float) -> None:
        """Pause between two batches; the last one took this many seconds."""
        self.pace.after_batch(took, self.position / self._total)

    def _range(self, start: int, end: int) -> HeldPage | None:
        with self._naming_rows(self.update.rows(start, end)):
            return self._attempt(self.update.pages(start, end), HeldPage(start), after=end)

    @contextmanager
    def _naming_rows(self, rows: str) -> Iterator[None]:
        """Add the refused rows to an error of the block; ``rows`` is the query for the candidates."""
        try:
            yield
        except (DataError, IntegrityError) as error:
            if text := self._refused_rows(rows, self.position):
                explain(error, text)
            raise

    def _refused_rows(self, rows: str, start: int) -> str:
        """Name the rows that the server refuses to change; the others are changed meanwhile."""
        refused: list[str] = []
        for row in self._conditions(rows):
            try:
                self._attempt(self.update.row(row), HeldPage(start), ROW_WAITS)
            except (DataError, IntegrityError):
                refused.append(row)
            if len(refused) == NAMED:
                break
        if not refused or not (self.settings.show_offending_values or all(map(NO_TEXT.fullmatch, refused))):
            return ""
        more = " and maybe more" if len(refused) == NAMED else ""
        return f"The rows that cannot be changed: {'; '.join(refused)}{more}. {self.rows} others are changed."

    def _page(self, held: HeldPage) -> HeldPage | None:
        """Change the free rows of a page, then each of the others. Return what is left to do, if anything."""
        with self._naming_rows(self.update.rows(held.page, held.page + 1)):
            return self._rows_of_page(held)

    def _rows_of_page(self, held: HeldPage) -> HeldPage | None:
        self._attempt(self.update.free_rows(held.page, held.page + 1), held)
        left = self._conditions(self.update.left(held.page, held.page + 1))
        # If one row is held for long, the others have their turn as well.
        first = random.randrange(len(left) or 1)
        for row in left[first:] + left[:first]:
            if failed := self._attempt(self.update.row(row), held, ROW_WAITS):
                return failed
        return None

    def _strays(self) -> bool:
        """Change the rows that their holders have moved, maybe to a page that had been passed.

        :return: whether there may be more of them.
        """
        rows = deque(self._conditions(self.update.strays))
        found, held = len(rows), HeldPage(self._total)
        while rows:
            row = rows.popleft()
            if failed := self._attempt(self.update.row(row), held, ROW_WAITS):
                held = failed
                rows.append(row)
        return found == STRAYS

    def _conditions(self, sql: str) -> list[str]:
        """Run a query for conditions of rows. It takes no row locks, so its duration does not matter."""
        limits = dict.fromkeys(names(capabilities(self.connection)), 0)
        with self.connection.cursor() as cursor:
            cursor.execute("; ".join([*set_local(limits), sql]), None)
            # psycopg2 has the last result of a string.
            while cursor.description is None and cursor.nextset():
                pass
            return [condition for (condition,) in cursor.fetchall()]

    def _put_aside(self, held: HeldPage | None) -> None:
        if held:
            self.held.append(held)

    def _attempt(self, sql: str, held: HeldPage, waits: int = 0, after: int | None = None) -> HeldPage | None:
        """Send an UPDATE. If it fails, pause, and return what is known of the page.

        :param after: the position that is reached with it.
        """
        values = self._limits(held, waits)
        began = time.monotonic()
        try:
            changed = self._send_with(sql, values, self._position(after))
        except DataError as error:
            if self.update.is_users and STILL in str(error):
                raise self._never_ends() from error
            raise
        except OperationalError as error:
            took = time.monotonic() - began
            slow = sqlstate(error) == QUERY_CANCELED and took * 1000 >= values["statement_timeout"]
            if not slow and sqlstate(error) not in WAITS_IN_VAIN:
                raise
            self.holders.put_off(error, held.page, took, self.rows, 1 + max((x.waits for x in self.held), default=0))
            return held._replace(slow=held.slow + 1) if slow else held._replace(waits=held.waits + 1)
        # Finding repeatedly that no row is free is not progress.
        if changed or self.position < self._total:
            self.holders.progressed()
        self.rows += changed
        self.progress.after_batch(self.where)
        return None

    def _limits(self, held: HeldPage, waits: int) -> dict[str, int]:
        """Return the timeouts in ms, which also bound the wait of sessions that want one of the rows.

        A row is the smallest unit, so one whose work alone takes longer gets more time with each attempt.
        """
        return {
            "lock_timeout": lock_wait(self._longest, waits and waits + held.waits),
            "statement_timeout": self._longest << min(held.slow if waits else 0, 20),
            **({OF_TRANSACTION: 0} if capabilities(self.connection).transaction_timeout else {}),
        }

    def _never_ends(self) -> CannotMigrate:
        return CannotMigrate(
            f"{self.update.whole}: there are rows that fulfil the condition still when they have been changed, so that "
            f"nothing tells what is done, and it would never come to its end. {self.rows or 'No'} rows are changed. "
            "Write a condition that is false of each row that is done."
        )

    def _send_with(self, sql: str, values: dict[str, int], position: list[str]) -> int:
        """Send it with its position, which is only a hint: if the position cannot be written, send it without."""
        try:
            return self._send(sql, values, position)
        except ProgrammingError as error:
            if not position:
                raise
            changed = self._send(sql, values, [])
            self.saved.give_up(error)
            return changed

    def _position(self, after: int | None) -> list[str]:
        if after is None or self._total <= FIRST_PAGES or after >= self._total:
            return []
        held = tuple(page.page for page in self.held)
        return self.saved.sql(Saved(after, self._total, held, self.rows, round(self.progress.speed(self.rows), 1)))

    def _send(self, sql: str, values: dict[str, int], position: list[str]) -> int:
        """Send one query string: one round trip, one implicit transaction. Return the number of rows."""
        with interruptible(self.connection) as ctrl_c, self.connection.cursor() as cursor:
            cursor.execute("; ".join([*set_local(values), *position, *self.update.before, sql]), None)
            # psycopg2 has the last result of a string, psycopg 3 all of them.
            while is_psycopg3 and cursor.nextset():
                pass
            rows = int(cursor.rowcount)
            if position:
                self.saved.sent()
        if ctrl_c.pressed:
            raise ctrl_c.error
        return rows
