"""Our engine, and an end of the process or of its session on the server at a chosen round trip."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django_zero_downtime_migrations.backends.postgres.base import DatabaseWrapper as OurWrapper
from tests.faults.fault import Fault

# The server itself looks, many times in a millisecond, from another database: its snapshot makes no session wait.
_GONE = """
DO $$ BEGIN WHILE EXISTS (SELECT FROM pg_stat_activity WHERE pid = {pid}) LOOP
PERFORM pg_sleep(0.002); PERFORM pg_stat_clear_snapshot(); END LOOP; END $$
"""
_AT_WORK = """
DO $$ DECLARE until timestamptz := clock_timestamp() + interval '10 s'; BEGIN
WHILE clock_timestamp() < until
AND EXISTS (SELECT FROM pg_stat_activity WHERE pid = {pid} AND state_change = '{since}') LOOP
PERFORM pg_stat_clear_snapshot(); END LOOP; {then} END $$
"""
_ON_THE_SERVER = {
    "kill": "",
    "terminate": "PERFORM pg_terminate_backend({pid});",
    "cancel": "PERFORM pg_cancel_backend({pid});",
}


class DatabaseWrapper(OurWrapper):
    #: The fault of the process, if it has one.
    fault: Fault | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execute_wrappers.append(self._executing)

    def _executing(self, execute: Any, sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
        with self._round_trip(str(sql)):
            return execute(sql, params, many, context)

    def _commit(self) -> None:
        parent: Any = super()
        if self.connection is None:
            parent._commit()
            return
        with self._round_trip("COMMIT"):
            parent._commit()

    @contextmanager
    def _round_trip(self, sql: str) -> Iterator[None]:
        fault = self.fault
        if fault is None:
            yield
            return
        fault.next(sql)
        if fault.is_due("before"):
            self._happen(fault)
        if fault.is_due("during"):
            with self._meanwhile(fault):
                yield
        else:
            yield
        if fault.is_due("after"):
            self._happen(fault)

    def _happen(self, fault: Fault) -> None:
        fault.happened = True
        if fault.how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        pid = self.connection.info.backend_pid
        other = self._beside()
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
            cursor.execute(_GONE.format(pid=int(pid)))
        other.close()

    @contextmanager
    def _meanwhile(self, fault: Fault) -> Iterator[None]:
        """Act as soon as the server has begun with what is sent now: at any moment of it."""
        fault.happened = True
        pid = int(self.connection.info.backend_pid)
        other = self._beside()
        with other.cursor() as cursor:
            cursor.execute("SELECT state_change::text FROM pg_stat_activity WHERE pid = %s", [pid])
            since = cursor.fetchone()[0]
        then = _ON_THE_SERVER[fault.how].format(pid=pid)
        thread = threading.Thread(target=_end, args=(other, _AT_WORK.format(pid=pid, since=since, then=then), fault))
        thread.start()
        try:
            yield
        finally:
            thread.join()

    def _beside(self) -> Any:
        names = ("user", "password", "host", "port")
        parameters = {name: value for name, value in self.get_connection_params().items() if name in names and value}
        other = self.Database.connect(dbname="postgres", **parameters)
        other.autocommit = True
        return other


def _end(other: Any, sql: str, fault: Fault) -> None:
    with other.cursor() as cursor:
        cursor.execute(sql)
    if fault.how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    other.close()
