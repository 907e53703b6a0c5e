"""The pace of a backfill: what it waits for between two of its batches, and when it stops.

Between two batches it holds no lock and no open transaction, so waiting is free for other sessions.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from django.db import DatabaseError

from ...django_types import Connection
from ...errors import BackfillStopped
from ...log import logger
from ...printable import printable
from ...record import Row
from ...settings import MigrationSettings
from ...sizes import readable
from ..server_errors import QUERY_CANCELED, sqlstate
from ..session.questions import rows
from ..session.stay import stay
from .vacuum import old_snapshot, vacuum

#: Standbys and slots are asked for at most this often, in seconds.
ASK_EVERY_SECONDS = 1.0
#: A standby that has not answered its primary for this many seconds counts as disconnected, and is not waited for.
SILENT_SECONDS = 60
#: After this many seconds of waiting for standbys and slots the backfill stops, and goes on with the next run.
LONGEST_WAIT_SECONDS = 3600.0
#: How many samples of the position in the WAL are kept; the oldest are dropped first.
SAMPLES = 4000

# A role without pg_monitor sees only that walsenders of other roles exist: replay_lsn is NULL then.
_BEHIND = f"""
SELECT 'standby', coalesce(nullif(r.application_name, ''), r.client_addr::pg_catalog.text, r.pid::pg_catalog.text),
    pg_catalog.pg_wal_lsn_diff(r.replay_lsn, '0/0'::pg_catalog.pg_lsn)::pg_catalog.int8,
    pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), '0/0'::pg_catalog.pg_lsn)::pg_catalog.int8
FROM pg_catalog.pg_stat_replication r
WHERE r.reply_time IS NULL OR r.reply_time > pg_catalog.clock_timestamp() - '{SILENT_SECONDS} s'::pg_catalog.interval
UNION ALL
SELECT CASE WHEN s.active THEN 'slot' ELSE 'inactive slot' END, s.slot_name::pg_catalog.text,
    pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), s.restart_lsn)::pg_catalog.int8, 0
FROM pg_catalog.pg_replication_slots s WHERE s.restart_lsn IS NOT NULL
"""


class _Behind(Row):
    """A standby, and the position that it has replayed; or a slot, and how many bytes it retains.

    :param number: None if the role may not see it.
    :param now: the position of the primary.
    """

    kind: str
    name: str
    number: int | None
    now: int


class Lag:
    """How far each standby is behind, in seconds: when the primary had written what the standby has replayed.

    ``pg_stat_replication.replay_lag`` does not change while a standby does not replay at all.
    """

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque(maxlen=SAMPLES)

    def note(self, now: float, position: int) -> None:
        """Note the primary's position.

        :param now: seconds of a monotonic clock.
        """
        if not self._samples or position > self._samples[-1][1]:
            self._samples.append((now, position))

    def of(self, now: float, replayed: int) -> float:
        """Return how many seconds a standby is behind.

        :param replayed: the standby's position.
        """
        first = next((moment for moment, position in self._samples if position > replayed), now)
        return now - first


class Pace:
    """The pace of one backfill.

    :param table: the table that is written, as it is written in SQL.
    :param paused: tells whether a user has paused it, and how to let it go on; empty if it is not paused.
    :param command: the command that continues it.
    """

    def __init__(
        self,
        connection: Connection,
        settings: MigrationSettings,
        table: str,
        paused: Callable[[], str] = lambda: "",
        command: str = "migrate",
    ) -> None:
        self.connection = connection
        self.settings = settings
        self.table = table
        self._paused = paused
        self._command = command
        self._began = self._asked = time.monotonic()
        self._vacuumed = 0.0
        self._lag = Lag()
        self._told: set[str] = set()

    def after_batch(self, took: float, share: float) -> None:
        """Pause between two batches.

        :param took: the time of the last one, in seconds.
        :param share: how much of the whole is done, from 0 to 1.
        :raises BackfillStopped: when BACKFILL_MAX_DURATION is over, or the standbys do not keep up for an hour.
        """
        self._stop_in_time()
        if time.monotonic() - self._asked >= ASK_EVERY_SECONDS:
            self.wait()
        self._vacuum(share)
        load = self.settings.backfill_load
        if load < 1:
            stay(self.connection, took * (1 / load - 1))

    def _stop_in_time(self) -> None:
        most, spent = self.settings.backfill_max_duration, time.monotonic() - self._began
        if most and spent * 1000 >= most:
            raise BackfillStopped(f"BACKFILL_MAX_DURATION is over ({spent:.0f} s). {self._what_stays}")

    @property
    def _what_stays(self) -> str:
        return f"What is written of {self.table} stays. Run {self._command} again to go on."

    # Standbys and slots

    def wait(self) -> None:
        """Wait while a user has paused it, or a standby or slot does not keep up.

        :raises BackfillStopped: as :meth:`after_batch`.
        """
        self._wait_while(self._paused, None)
        self._wait_while(self._behind, LONGEST_WAIT_SECONDS)
        self._asked = time.monotonic()

    def _wait_while(self, why: Callable[[], str], longest: float | None) -> None:
        """Wait while there is a reason.

        :param longest: in seconds; None for as long as it takes.
        """
        began, said = time.monotonic(), ""
        while reason := why():
            if not said:
                said = reason
                logger.warning("%s: waiting, %s", self.table, reason)
            if longest and time.monotonic() - began > longest:
                raise BackfillStopped(f"For an hour {reason}. {self._what_stays}")
            self._stop_in_time()
            stay(self.connection, ASK_EVERY_SECONDS)
        if said:
            logger.warning("%s: going on after %.0f s (%s)", self.table, time.monotonic() - began, said)

    def _behind(self) -> str:
        """Return which standby or slot does not keep up, as the reason of a wait; empty if all do."""
        now = time.monotonic()
        found = [_Behind(*row) for row in rows(self.connection, _BEHIND)]
        for position in [each.now for each in found if each.now][:1]:
            self._lag.note(now, position)
        reasons = [self._reason(each, now) for each in found]
        return next(filter(None, reasons), "")

    def _reason(self, each: _Behind, now: float) -> str:
        name = printable(each.name)
        if each.kind == "standby":
            return self._of_standby(name, each.number, now)
        most = self.settings.backfill_max_slot_wal
        if not most or each.number is None or each.number < most:
            return ""
        retained = f"the replication slot {name} retains {readable(each.number)} of WAL"
        if each.kind == "slot":
            return f"{retained} (BACKFILL_MAX_SLOT_WAL {readable(most)})"
        # Its client is gone, and waiting does not bring the client back.
        self._tell_once(name, f"{retained}, no client reads it, and each row that is written adds to it")
        return ""

    def _of_standby(self, name: str, replayed: int | None, now: float) -> str:
        most = self.settings.backfill_max_replica_lag
        if not most:
            return ""
        if replayed is None:
            self._tell_once(
                "pg_monitor",
                f"how far the standby {name} is behind is not seen: GRANT pg_monitor to the role that migrates, or set "
                "BACKFILL_MAX_REPLICA_LAG to None",
            )
            return ""
        lag = self._lag.of(now, replayed)
        return f"the standby {name} is {lag:.0f} s behind (BACKFILL_MAX_REPLICA_LAG {most} ms)" * (lag * 1000 > most)

    def _tell_once(self, about: str, text: str) -> None:
        if about not in self._told:
            self._told.add(about)
            logger.warning("%s: %s", self.table, text)

    # The dead rows that an UPDATE leaves

    def _vacuum(self, share: float) -> None:
        every = self.settings.backfill_vacuum_every
        if not every or share - self._vacuumed < every or share >= 1:
            return
        self._vacuumed = share
        if who := old_snapshot(self.connection, time.monotonic() - self._began):
            self._tell_once("snapshot", f"VACUUM cannot remove the old versions of the rows: {who}")
            return
        try:
            vacuum(self.connection, self.table)
        except DatabaseError as error:
            if sqlstate(error) == QUERY_CANCELED:
                raise
            logger.warning("%s: VACUUM was refused: %s", self.table, printable(str(error).strip()))
