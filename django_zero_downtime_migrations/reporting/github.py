"""GitHub's workflow commands: a line in a job's log that becomes a note in the changed files.

https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

from ..findings import Severity
from .annotations import notes
from .report import Options, Report

COMMANDS = {Severity.REFUSE: "error", Severity.WARN: "warning", Severity.NOTE: "notice"}


def render(report: Report, options: Options) -> str:
    """Render one line for each finding that counts and for what was not analysed."""
    lines = (
        f"::{COMMANDS[note.severity]} file={_property(note.path)},line={note.line},title={_property(note.code)}"
        f"::{_data(note.message)}\n"
        for note in notes(report)
    )
    return "".join(lines)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
