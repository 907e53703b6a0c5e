"""Ctrl-C and SIGTERM end the statement that is running on the server, and leave a usable connection.

By default, psycopg2 notices Ctrl-C when the statement has ended. psycopg 3 cancels the statement; but if Python raises
in the middle of the driver's work and not during its wait, the answer stays unread and the connection is lost. So the
signal raises nothing here: the server's error does.

By default, SIGTERM, with which a container is stopped, ends the process at once: nothing would be taken back.
"""

from __future__ import annotations

import _thread
import select
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError
from django.db.backends.postgresql.psycopg_any import is_psycopg3

from ...django_types import Connection
from ...log import logger

#: The name of the thread that shows what a long step is doing.
PROGRESS = "django_zero_downtime_migrations: progress"
#: The first request may come before the statement has reached the server.
AGAIN_SECONDS = 0.2


#: The exit code that a shell sees for a process ended by the signal.
STATUS = 128 + signal.SIGTERM


class Terminated(KeyboardInterrupt):
    """SIGTERM, which is handled exactly as Ctrl-C."""


@contextmanager
def terminable() -> Iterator[None]:
    """Treat SIGTERM as Ctrl-C in a block, unless the project has a handler of its own.

    :raises SystemExit: at the end of a block that was terminated.
    """
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    ):
        yield
        return
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    except Terminated:
        raise SystemExit(STATUS) from None
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _terminate(number: int, frame: Any) -> None:
    raise Terminated


#: The handlers that :class:`CtrlC` replaces while a statement is sent. A project's own handler stays in place.
_DEFAULTS = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: _terminate}


class CtrlC:
    """A handler of the signals. The second signal raises KeyboardInterrupt, and the state of the connection is then up
    to the driver.

    :ivar pressed: whether a signal has come since the block began.
    """

    def __init__(self, connection: Connection) -> None:
        self.pressed = False
        self._error: type[KeyboardInterrupt] = KeyboardInterrupt
        self._connection = connection
        self._over = False
        self._cancelling = threading.Lock()

    def __call__(self, number: int, frame: Any) -> None:
        if self.pressed:
            _DEFAULTS[signal.Signals(number)](number, frame)
        self.pressed = True
        self._error = Terminated if number == signal.SIGTERM else KeyboardInterrupt
        # A plain thread instead of a Thread: the main thread may hold the lock that start() takes.
        _thread.start_new_thread(self._cancel, ())

    def _cancel(self) -> None:
        while True:
            with self._cancelling:
                if self._over:
                    return
                try:
                    driver = self._connection.connection
                    # psycopg 3.2 and later have this method; the request is encrypted like the connection.
                    getattr(driver, "cancel_safe", driver.cancel)()
                except Exception as error:
                    logger.debug("The statement could not be cancelled: %r", error)
            time.sleep(AGAIN_SECONDS)

    @property
    def error(self) -> KeyboardInterrupt:
        """The error to raise if it was pressed."""
        return self._error()

    def end(self) -> None:
        """Stop cancelling once the last request is answered, so that the next statement is not cancelled."""
        with self._cancelling:
            self._over = True


@contextmanager
def interruptible(connection: Connection) -> Iterator[CtrlC]:
    """Send a statement in a block that Ctrl-C can cancel.

    :raises KeyboardInterrupt: when the statement failed after Ctrl-C. A statement that has succeeded all the same is
        not interrupted any more.
    """
    ctrl_c = CtrlC(connection)
    numbers = [number for number, handler in _DEFAULTS.items() if signal.getsignal(number) is handler]
    # Python gives signals to the main thread alone.
    if threading.current_thread() is not threading.main_thread() or not numbers or not _waits_in_python(True):
        yield ctrl_c
        return
    for number in numbers:
        signal.signal(number, ctrl_c)
    try:
        yield ctrl_c
    except DatabaseError:
        if ctrl_c.pressed:
            raise ctrl_c.error from None
        raise
    finally:
        ctrl_c.end()
        for number in numbers:
            signal.signal(number, _DEFAULTS[number])
        _waits_in_python(False)


def _waits_in_python(begin: bool) -> bool:
    """Make psycopg2 wait in Python, where handlers run. Return False if another package does so already (gevent)."""
    if is_psycopg3:
        return True
    from psycopg2 import extensions

    if begin and extensions.get_wait_callback() not in (None, _wait):
        return False
    if begin:
        extensions.set_wait_callback(_wait)
    elif not _others_at_work():
        extensions.set_wait_callback(None)
    return True


def _others_at_work() -> bool:
    """Return whether another thread may be waiting through the callback: taking it away makes psycopg2 fail there."""
    own = (threading.main_thread().name, PROGRESS)
    return any(thread.name not in own for thread in threading.enumerate())


def _wait(connection: Any) -> None:
    """Wait for the answer to a statement. The callback belongs to the whole process, so other threads use it too."""
    from psycopg2 import extensions

    while (state := connection.poll()) != extensions.POLL_OK:
        socket = [connection.fileno()]
        if state == extensions.POLL_READ:
            select.select(socket, [], [])
        else:
            select.select([], socket, [])
