"""The text at the terminal when ``migrate`` is interrupted: what was done about it, without a traceback.

The exception stays a plain ``KeyboardInterrupt``, for which Python ends the process by the signal: a shell script
around it ends as well.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from types import FrameType, TracebackType

from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.operations.special import RunPython

from ..errors import explain, notes

logger = logging.getLogger("django_zero_downtime_migrations")
COMMAND = "django.core.management.commands.migrate"
CODE = (RunPython.database_forwards.__code__, RunPython.database_backwards.__code__)
RECORD = MigrationExecutor.record_migration.__code__


def shows_interrupt(error: BaseException, traceback: TracebackType | None) -> bool:
    """Say of a KeyboardInterrupt what a person reads; whether it is one of ``migrate``, without ``--traceback``."""
    if not _is_of_migrate(traceback) or "--traceback" in sys.argv:
        return False
    # Without a handler of the project's, the log has been written to the same terminal.
    told = [*map(str, error.args), *notes(error)] if logger.hasHandlers() else []
    print("\n".join(["Interrupted.", *told]), file=sys.stderr)
    return True


def _is_of_migrate(traceback: TracebackType | None) -> bool:
    return any(frame.f_globals.get("__name__") == COMMAND for frame in _frames(traceback))


def is_of_code(error: BaseException) -> bool:
    """Return whether an error comes from the code of a RunPython, whose author needs the traceback."""
    return any(frame.f_code in CODE for frame in _frames(error.__traceback__))


def explains_record(error: BaseException, migration: tuple[str, str] | None) -> bool:
    """Say of an error what it leaves, if Django got it when it recorded a migration; return whether it did."""
    if migration is None or all(frame.f_code is not RECORD for frame in _frames(error.__traceback__)):
        return False
    explain(
        error,
        f"All operations of {'.'.join(migration)} have run, and its record in django_migrations could not be written. "
        "What shares a transaction with the record is rolled back; the rest is committed.",
    )
    return True


def _frames(traceback: TracebackType | None) -> Iterator[FrameType]:
    while traceback is not None:
        yield traceback.tb_frame
        traceback = traceback.tb_next
