"""SARIF 2.1.0, which GitHub's code scanning and many other tools read.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import PureWindowsPath
from typing import Any
from urllib.parse import quote

from .. import ADDRESS, DISTRIBUTION, __version__
from ..errors import explained
from ..findings import Finding, Severity
from ..places import Location
from ..rules import BY_CODE
from .annotations import checked_out, message
from .report import Entry, Options, Report, Unanalysed, UnusedAssurance

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {Severity.REFUSE: "error", Severity.WARN: "warning", Severity.NOTE: "note"}
#: The version counts changes to how a fingerprint is made.
FINGERPRINT = "finding/v1"


def render(report: Report, options: Options) -> str:
    """Render a log with one run; findings that were accepted are in it as suppressed."""
    findings = {entry.finding.code: entry.finding for entry in report.entries}
    places = {code: number for number, code in enumerate(findings)}
    seen: Counter[str] = Counter()
    results = []
    for entry in report.entries:
        seen[entry.fingerprint] += 1
        results.append(_result(entry, places[entry.finding.code], seen[entry.fingerprint]))
    run = {
        "tool": {
            "driver": {
                "name": DISTRIBUTION,
                "version": __version__,
                "informationUri": ADDRESS,
                "rules": [_rule(finding) for finding in findings.values()],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "The top of the checkout."}}},
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": _notifications(report)}],
        "results": results,
        "properties": {"migrations": report.migrations, "database": report.database},
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _rule(finding: Finding) -> dict[str, Any]:
    """Return the rule of a finding; a policy of check_migrations has findings without a file in ``rules/``."""
    rule = BY_CODE.get(finding.code)
    severity = rule.severity if rule else finding.severity
    examples = f" Examples: {explained(rule.code)}" if rule else ""
    return {
        "id": finding.code,
        "name": "".join(word.capitalize() for word in finding.code.split("_")),
        "shortDescription": {"text": _sentence(rule.when if rule else finding.text.partition("\n")[0])},
        "fullDescription": {"text": _sentence(rule.effect if rule else finding.text.partition("\n")[0])},
        "help": {"text": f"{_sentence(f'instead: {finding.instead}')}{examples}"},
        "defaultConfiguration": {"level": LEVELS[severity]},
        "properties": {"tags": ["migrations", finding.kind.value]},
    }


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _result(entry: Entry, place: int, count: int) -> dict[str, Any]:
    finding = entry.finding
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": place,
        "level": LEVELS[entry.severity],
        "message": {"text": message(entry)},
        "locations": [_place(entry)],
        "partialFingerprints": {FINGERPRINT: f"{entry.fingerprint}:{count}"},
        "properties": {
            "operation": entry.operation,
            "model": finding.origin.model,
            "field": finding.origin.field,
            "table": finding.table,
            "rows": entry.rows,
            "bytes": entry.size,
            "sql": finding.sql,
            "lock": entry.lock,
            "blocks": entry.blocks,
        },
    }
    if suppressions := _suppressions(entry):
        result["suppressions"] = suppressions
    return result


def _suppressions(entry: Entry) -> list[dict[str, str]]:
    kind = "external" if entry.finding.accept else "inSource"
    accepted = [{"kind": kind, "justification": entry.finding.assured}] if entry.finding.assured else []
    return accepted + ([{"kind": "external", "justification": "The baseline has it."}] if entry.baselined else [])


def _place(about: Entry | Unanalysed | UnusedAssurance) -> dict[str, Any]:
    migration = f"{about.app}.{about.migration}"
    place: dict[str, Any] = {"logicalLocations": [{"fullyQualifiedName": migration, "kind": "module"}]}
    if about.location is not None:
        place["physicalLocation"] = _file(about.location)
    return place


def _file(location: Location) -> dict[str, Any]:
    path = checked_out(location.path)
    if path.startswith("/"):
        artifact = {"uri": f"file://{quote(path)}"}
    elif PureWindowsPath(path).drive:
        artifact = {"uri": f"file:///{quote(path, safe='/:')}"}
    else:
        artifact = {"uri": quote(path), "uriBaseId": "%SRCROOT%"}
    return {"artifactLocation": artifact, "region": {"startLine": location.line}}


def _notifications(report: Report) -> list[dict[str, Any]]:
    """Return what is not a finding: it says how much the results are worth."""
    unknown = [
        _notification(x, "UNANALYSED", f"{x.operation} of {x.app}.{x.migration} is not analysed: {x.why}")
        for x in report.unanalysed
    ]
    return unknown + [
        _notification(
            x, "UNUSED_ASSURANCE", f"Nothing in {x.app}.{x.migration} needs this {x.what} any more ({x.reason})"
        )
        for x in report.unused_assurances
    ]


def _notification(about: Unanalysed | UnusedAssurance, code: str, text: str) -> dict[str, Any]:
    return {"descriptor": {"id": code}, "level": "note", "message": {"text": text}, "locations": [_place(about)]}
