"""The progress of a long step, asked through a second connection while it runs: a line on a terminal, or lines in the
log.

It is a courtesy: if anything goes wrong with it, the line is missing, and the step neither fails nor waits.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import closing
from types import TracebackType
from typing import TextIO

from ...django_types import Connection, Session
from ...log import logger
from ...planning.kinds import Step
from ..session.interrupt import PROGRESS
from ..session.second_connection import connect
from .activity import Activity, Description, ask, name, size_of
from .terminal_line import Line, shows_line

#: Quick steps are over by then, and cost one sleeping thread.
FIRST_SECONDS = 1.0
EVERY_SECONDS = 1.0
LOG_EVERY_SECONDS = 10.0
#: How long the end of a step may take because the second connection does not answer; then it is left to itself.
JOIN_SECONDS = 1.0


class Progress:
    """A context around one step.

    :param pid: the server process that runs it.
    :param queries: whether the queries of the sessions in the way may be shown.
    :param stream: where ``migrate`` writes; None if there is no ``migrate``.
    """

    def __init__(
        self, connection: Connection, step: Step, pid: int, queries: bool, stream: TextIO | None = None
    ) -> None:
        self.connection = connection
        self.step = step
        self.pid = pid
        self.queries = queries
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name=PROGRESS, daemon=True)
        self._line = Line(stream) if shows_line(stream) else None
        self._log = _Log()

    def __enter__(self) -> None:
        self._began = time.monotonic()
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(JOIN_SECONDS)
        try:
            if self._line:
                self._line.close()
        except Exception as another:
            # The terminal is gone; the step has been sent all the same.
            logger.debug("The line of the progress stays: %r", another)

    def _work(self) -> None:
        if self._over.wait(FIRST_SECONDS):
            return
        try:
            with closing(connect(self.connection, "progress")) as session:
                self._watch(session)
        except Exception as error:
            logger.debug("No progress is shown: %r", error)

    def _watch(self, session: Session) -> None:
        # A validation reads the table once; about an index the server says more.
        size = None if self.step.stands_alone else size_of(session, self.step.statement.table)
        description = Description(size)
        while not self._over.is_set():
            activity = ask(session, self.pid, self.queries) or Activity()
            now = time.monotonic()
            self._say(activity, description.of(activity, now - self._began, now))
            self._over.wait(EVERY_SECONDS)

    def _say(self, activity: Activity, text: str) -> None:
        if not self._line:
            self._log.show(f"{name(self.step.sql)}: {text}", bool(activity.blockers))
        elif activity.phase:
            # The row above shows the migration, and this one has little room.
            self._line.show(f"    {text}")
        else:
            self._line.show(f"    {name(self.step.sql)}: {text}")


class _Log:
    """The log of a step. It says at once that a session is in the way: the step may wait for it for hours."""

    def __init__(self) -> None:
        self._said = time.monotonic()
        self._waited = False

    def show(self, text: str, waits: bool) -> None:
        if time.monotonic() - self._said >= LOG_EVERY_SECONDS or (waits and not self._waited):
            self._said = time.monotonic()
            logger.log(logging.WARNING if waits else logging.INFO, "%s", text)
        self._waited = waits
