"""The report of a finding: an exception, a warning, or a line in the log."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable

from ..errors import UnsafeOperationException, UnsafeOperationWarning, explain
from ..findings import Finding, Severity
from ..log import logger


def report(findings: Iterable[Finding], raises: bool, quiet: bool) -> None:
    """Warn of each finding, or raise for the first that is refused.

    :param raises: RAISE_FOR_UNSAFE.
    :param quiet: only log them, as for a script, which has its findings as comments.
    """
    for finding in findings:
        if quiet or finding.severity is Severity.NOTE or finding.assured:
            logger.info("%s: %s%s", finding.code, finding.message, finding.remark)
        elif finding.severity is Severity.REFUSE and raises:
            raise refusal(finding)
        else:
            warnings.warn(UnsafeOperationWarning(str(finding), finding), stacklevel=_outside())


def refusal(
    finding: Finding, details: str | None = None, findings: tuple[Finding, ...] = ()
) -> UnsafeOperationException:
    """Return the exception for a finding: its text is the rule's alone, since users map on it; the rest is a note and
    attributes.

    :param details: the text of the note; by default the finding's own.
    :param findings: all of them.
    """
    exception = UnsafeOperationException(finding.text, finding, findings)
    text = f"{finding.details}\nNot sent: {finding.sql}" if details is None else details
    if hasattr(exception, "add_note"):
        explain(exception, text)
    else:
        # Python 3.10 does not show notes in a traceback, but it shows an exception's cause.
        exception.__notes__ = [text]
        exception.__cause__ = Exception(text)
    return exception


def _outside() -> int:
    """Return the stack level, for a warning of the caller's, of the first frame outside this package."""
    package = __name__.partition(".")[0]
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in (package, "contextlib"):
        frame, level = frame.f_back, level + 1
    return level
