"""Other sessions: what they see and wait for, and a piece of the test that runs beside it."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Generic, TypeVar

from django.db import connections

T = TypeVar("T")

#: Seconds until a test that waits for something that does not happen gives up.
PATIENCE = 60

WAITING = """
SELECT pid, query FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' ORDER BY query_start
"""


def run(session: Any, sql: str, *params: object) -> list[tuple[Any, ...]]:
    with session.cursor() as cursor:
        cursor.execute(sql, params or None)
        return list(cursor.fetchall()) if cursor.description else []


@contextmanager
def role_without_rights(session: Any) -> Iterator[str]:
    name = f"nobody_{run(session, 'SELECT pg_backend_pid()')[0][0]}"
    run(session, f"CREATE ROLE {name}")
    yield name
    run(session, f"DROP ROLE {name}")


def wait_until(condition: Callable[[], T], what: str, work: Beside[Any] | None = None) -> T:
    """Ask again and again until the answer is true, and return it.

    :param work: when this ends before, the test fails at once, with its error.
    """
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        alive = work is None or work.thread.is_alive()
        if answer := condition():
            return answer
        if work is not None and not alive:
            work.result()
            break
        time.sleep(0.005)
    raise AssertionError(f"did not happen: {what}")


def blocked_query(observer: Any) -> str:
    """Wait until a session waits for a lock in the observer's database, and return the text that it has sent.

    :param observer: a session in autocommit mode.
    """
    return str(wait_until(lambda: run(observer, WAITING), "a session that waits for a lock")[0][1])


class Beside(Generic[T]):
    """`with Beside(function) as work:` runs it in a thread with connections of its own until `work.result()`."""

    def __init__(self, function: Callable[[], T]) -> None:
        self.function = function
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            self.value = self.function()
        except BaseException as error:
            self.error = error
        finally:
            connections.close_all()

    def result(self) -> T:
        self._join()
        if self.error is not None:
            raise self.error
        return self.value

    def _join(self) -> None:
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive(), "still at work"

    def __enter__(self) -> Beside[T]:
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self._join()


def told(error: BaseException) -> str:
    """Return the last lines of an error's traceback, its notes included."""
    return "".join(traceback.format_exception_only(type(error), error))
