"""A report as short notes to places in files, which code hosts show beside a change."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from ..findings import Severity
from ..places import Location
from ..record import Record
from ..sizes import readable
from .report import Entry, Report

#: The folder of the checkout, to which a code host's paths are relative, in the jobs of GitHub and GitLab.
CHECKOUTS = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR")


class Note(Record):
    """A note.

    :param code: the rule's, or UNANALYSED or UNUSED_ASSURANCE.
    :param path: from the top of the checkout if that is known, with slashes.
    :param line: from 1.
    :param migration: its app's label, a dot and its name.
    :param counts: whether it can make the check fail.
    :param identity: distinguishes it from other notes, the same on every machine.
    """

    code: str
    severity: Severity
    message: str
    path: str
    line: int
    migration: str
    counts: bool
    identity: str


def notes(report: Report) -> Iterator[Note]:
    """Yield everything of a report except the baseline; for an accepted finding, also the reason."""
    for entry in report.entries:
        if entry.counts:
            yield _note(entry, entry.finding.code, entry.severity, message(entry), entry.fingerprint, counts=True)
        elif entry.finding.assured:
            text = f"{entry.finding.message}\nAccepted: {entry.finding.assured}"
            yield _note(entry, entry.finding.code, Severity.NOTE, text, entry.fingerprint)
    for unknown in report.unanalysed:
        text = f"{unknown.operation} is not analysed: {unknown.why}"
        yield _note(unknown, "UNANALYSED", Severity.NOTE, text, f"{unknown.operation} {unknown.why}")
    for unused in report.unused_assurances:
        text = f"Nothing needs this {unused.what} any more ({unused.reason})"
        yield _note(unused, "UNUSED_ASSURANCE", Severity.NOTE, text, unused.reason)


def _note(about: Any, code: str, severity: Severity, text: str, identity: str, counts: bool = False) -> Note:
    # A migration without a file is noted where Django would look for it.
    location = about.location or Location(path=f"{about.app}/migrations/{about.migration}.py", line=1)
    return Note(
        code=code,
        severity=severity,
        message=text,
        path=checked_out(location.path),
        line=location.line,
        migration=f"{about.app}.{about.migration}",
        counts=counts,
        identity=f"{code} {about.app}.{about.migration} {identity}",
    )


def message(entry: Entry) -> str:
    """Say what is wrong, what it stops, and what to write instead, in a few lines."""
    finding = entry.finding
    lines = [finding.message, effect(entry), f"Instead: {finding.instead}", entry.example]
    return "\n".join(line for line in lines if line)


def effect(entry: Entry) -> str:
    """Say what the lock on the table stops, and how large the table is; empty if neither is known."""
    stops = f"{entry.lock} blocks {entry.blocks}" if entry.blocks else ""
    rows = f"about {entry.rows:,} rows" if entry.rows is not None else ""
    size = readable(entry.size) if entry.size is not None else ""
    return "; ".join(part for part in (stops, ", ".join(part for part in (rows, size) if part)) if part)


def checked_out(path: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return a location's path, from the top of the checkout that the job of a code host has made."""
    for name in CHECKOUTS:
        top = environment.get(name)
        if top:
            full = PurePath(os.path.abspath(path))
            return full.relative_to(top).as_posix() if full.is_relative_to(top) else path
    return path
