"""The findings that an old project starts with: they are shown and do not count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from ...errors import CannotJudge
from ...reporting.report import Entry
from .sizes import read_json, write_json

VERSION = 1


def read(path: Path) -> Counter[str]:
    """Read fingerprints, and how often each may be found.

    :raises CannotJudge: when :func:`write` has not written the file.
    """
    data = read_json(path, "findings of the baseline")
    findings = data.get("findings")
    if data.get("version") != VERSION or not isinstance(findings, list):
        raise CannotJudge(f"{path} is not a baseline that --write-baseline has written.")
    try:
        return Counter(str(finding["fingerprint"]) for finding in findings)
    except (KeyError, TypeError):
        raise CannotJudge(f"{path} is not a baseline that --write-baseline has written.") from None


def write(path: Path, entries: Iterable[Entry]) -> int:
    """Write what counts.

    :returns: how many findings.
    :raises CannotJudge: when the file cannot be written.
    """
    findings = [
        {
            "fingerprint": entry.fingerprint,
            "code": entry.finding.code,
            "app": entry.app,
            "migration": entry.migration,
            "operation": entry.operation,
            "table": entry.finding.table,
        }
        for entry in entries
        if not entry.finding.assured
    ]
    write_json(path, {"version": VERSION, "findings": findings})
    return len(findings)


def marked(entries: Iterable[Entry], known: Counter[str]) -> tuple[Entry, ...]:
    """Return the entries, with the baseline's own marked."""
    left = Counter(known)
    found = []
    for entry in entries:
        old = left[entry.fingerprint] > 0
        left[entry.fingerprint] -= old
        found.append(entry.named(baselined=True) if old else entry)
    return tuple(found)
