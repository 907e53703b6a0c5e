"""The logger of this package. It writes about objects of other programs: a message that cannot be written must not end
a migration, and nothing in it may move the cursor of a terminal or make up a line of a log.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

from .printable import printable

NAME = "django_zero_downtime_migrations"


class _Text:
    """An argument of a message, whose text is made when a handler wants it."""

    def __init__(self, value: object) -> None:
        self._value = value

    def __str__(self) -> str:
        return printable(str(self._value), lines=True)

    def __repr__(self) -> str:
        return printable(repr(self._value), lines=True)


class _Logging(logging.Logger):
    def handle(self, record: logging.LogRecord) -> None:
        """Handle a record. Standard handlers report their own errors (``Handler.handleError``); other errors are
        reported here.
        """
        if isinstance(record.args, tuple):
            record.args = tuple(map(_shown, record.args))
        try:
            super().handle(record)
        except Exception as error:
            _report(record, error)


def _shown(value: object) -> object:
    if isinstance(value, str):
        return printable(value, lines=True)
    return value if value is None or isinstance(value, (bool, int, float)) else _Text(value)


def _report(record: logging.LogRecord, error: Exception) -> None:
    """Report an error as ``logging`` does: on the standard error, unless ``logging.raiseExceptions`` is off."""
    if not logging.raiseExceptions:
        return
    try:
        sys.stderr.write(f"A handler of the log {NAME!r} failed ({error!r}) for: {record.getMessage()}\n")
    except Exception:  # the standard error is closed
        return


def _make() -> logging.Logger:
    """Return the logger of our name, which the settings of a project may have made before."""
    logger: Any = logging.getLogger(NAME)
    if not isinstance(logger, _Logging):
        logger.__class__ = type("Logger", (_Logging, type(logger)), {"__module__": __name__})
    made: logging.Logger = logger
    return made


logger = _make()
