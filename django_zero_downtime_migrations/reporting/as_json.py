"""JSON for programs; ``docs/check_migrations.schema.json`` describes it."""

from __future__ import annotations

import json
from typing import Any

from ..findings import Severity
from ..places import Location
from . import forecast
from .report import Entry, Options, Report

VERSION = 1


def render(report: Report, options: Options) -> str:
    return json.dumps(as_data(report), indent=2, ensure_ascii=False) + "\n"


def as_data(report: Report) -> dict[str, Any]:
    return {
        "version": VERSION,
        "database": report.database or None,
        "migrations": report.migrations,
        "not_judged": report.not_judged,
        "excluded": report.excluded,
        "summary": {
            **{severity.value: len(report.of(severity)) for severity in Severity},
            "accepted": sum(bool(entry.finding.assured) for entry in report.entries),
            "baselined": sum(entry.baselined for entry in report.entries),
            "unanalysed": len(report.unanalysed),
        },
        "findings": [_entry(entry) for entry in report.entries],
        "forecast": forecast.as_data(report.forecast) if report.forecast else None,
        "unanalysed": [
            {**_place(each.app, each.migration, each.location), "operation": each.operation, "why": each.why}
            for each in report.unanalysed
        ],
        "unused_assurances": [
            {**_place(each.app, each.migration, each.location), "reason": each.reason, "accept": each.accept or None}
            for each in report.unused_assurances
        ],
    }


def _place(app: str, migration: str, location: Location | None) -> dict[str, Any]:
    return {
        "app": app,
        "migration": migration,
        "path": location.path if location else None,
        "line": location.line if location else None,
    }


def _entry(entry: Entry) -> dict[str, Any]:
    finding = entry.finding
    return {
        "code": finding.code,
        "severity": entry.severity.value,
        "rule_severity": finding.rule_severity.value,
        "eased": entry.eased or None,
        "kind": finding.kind.value,
        **_place(entry.app, entry.migration, entry.location),
        "operation": entry.operation or None,
        "operation_index": finding.origin.operation,
        "model": finding.origin.model or None,
        "field": finding.origin.field or None,
        "table": finding.table or None,
        "rows": entry.rows,
        "bytes": entry.size,
        "lock": entry.lock or None,
        "blocks": entry.blocks or None,
        "sql": finding.sql or None,
        "message": finding.message,
        "instead": finding.instead,
        "example": entry.example or None,
        "accepted": finding.assured or None,
        "accept": finding.accept or None,
        "baselined": entry.baselined,
        "fingerprint": entry.fingerprint,
    }
