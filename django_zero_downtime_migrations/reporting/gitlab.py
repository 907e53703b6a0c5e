"""GitLab's Code Quality report.

https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter

from ..findings import Severity
from .annotations import notes
from .report import Options, Report

SEVERITIES = {Severity.REFUSE: "critical", Severity.WARN: "major", Severity.NOTE: "info"}


def render(report: Report, options: Options) -> str:
    """Render a JSON array with an object for each finding that counts and for what was not analysed."""
    seen: Counter[str] = Counter()
    found = []
    for note in notes(report):
        # GitLab takes two findings with one fingerprint for one.
        seen[note.identity] += 1
        identity = f"{note.identity} {seen[note.identity]}"
        found.append(
            {
                "description": note.message,
                "check_name": note.code,
                "fingerprint": hashlib.sha256(identity.encode()).hexdigest()[:32],
                "severity": SEVERITIES[note.severity],
                "location": {"path": note.path, "lines": {"begin": note.line}},
            }
        )
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"
