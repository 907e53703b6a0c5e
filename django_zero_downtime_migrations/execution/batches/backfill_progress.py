"""How far an UPDATE in ranges of pages is: a line on a terminal that is rewritten, or lines in the log."""

from __future__ import annotations

import time
from typing import TextIO

from ...django_types import Connection
from ...log import logger
from ...record import Row
from ...sizes import readable
from ..progress.terminal_line import Line, shows_line
from ..session.questions import rows

LOG_EVERY_SECONDS = 10.0
SHOW_EVERY_SECONDS = 1.0

_WAL = "SELECT pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), '0/0'::pg_catalog.pg_lsn)::pg_catalog.int8"


class Where(Row):
    """The position of an UPDATE.

    :param page: the page before which all is done, except ``held``.
    :param pages: how many there are.
    :param rows: how many have been changed, also by earlier runs.
    :param held: how many pages are put aside.
    """

    page: int
    pages: int
    rows: int
    held: int


class BackfillProgress:
    """The progress of one UPDATE.

    :param table: its name as it is written in SQL.
    :param stream: where the command writes; None without a command.
    """

    def __init__(self, connection: Connection, table: str, stream: TextIO | None = None) -> None:
        self.connection = connection
        self.table = table
        self._line = Line(stream) if shows_line(stream) else None
        self._began = self._logged = self._shown = time.monotonic()
        self._first: Where | None = None
        self._wal: int | None = None

    def begin(self, first: Where) -> None:
        self._first = first
        self._began = self._logged = self._shown = time.monotonic()

    def speed(self, rows: int) -> float:
        """Return the rows changed per second in this run."""
        before = self._first.rows if self._first else 0
        return (rows - before) / max(time.monotonic() - self._began, 0.001)

    def after_batch(self, now: Where) -> None:
        """Show or log the position, if it is time to; called between two batches."""
        moment = time.monotonic()
        if self._line and moment - self._shown >= SHOW_EVERY_SECONDS:
            self._shown = moment
            self._line.show(f"    {self.table}: {self.text(now)}")
        if moment - self._logged >= LOG_EVERY_SECONDS:
            self._logged = moment
            logger.info("%s: %s", self.table, f"{self.text(now)}{self._written()}")

    def text(self, now: Where) -> str:
        """Describe the position: pages, rows, rows per second, the time left."""
        page = min(now.page, now.pages)
        share = 100 * page / max(now.pages, 1)
        said = f"{share:.0f} % of {now.pages} pages, {now.rows} rows changed, {self.speed(now.rows):.0f} rows/s"
        if now.held:
            said += f", {now.held} pages put aside"
        done = page - (self._first.page if self._first else 0)
        if done > 0 and page < now.pages:
            left = (time.monotonic() - self._began) / done * (now.pages - page)
            said += f", about {_duration(left)} left"
        return said

    def _written(self) -> str:
        """Describe the WAL written meanwhile. The server does not tell which session has written it."""
        [(now,)] = rows(self.connection, _WAL)
        before, self._wal = self._wal, int(now) if self._wal is None else self._wal
        return "" if before is None else f", {readable(int(now) - before)} of WAL by the whole server meanwhile"

    def end(self) -> None:
        """Remove the line."""
        if self._line:
            self._line.close()


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
