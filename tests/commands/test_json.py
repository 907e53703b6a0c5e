"""The format for programs keeps to its schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from django_zero_downtime_migrations.reporting import Report, render
from tests.commands.project import UNSAFE, Project
from tests.commands.reports import FULL

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "check_migrations.schema.json").read_text("utf-8"))
EVERYTHING = f"""[
    *{UNSAFE},
    migrations.RemoveField("Book", "sheets"),
    SafetyAssured([migrations.RunSQL("SELECT 1")], reason="it reads nothing"),
    migrations.RunPython(migrations.RunPython.noop, migrations.RunPython.noop),
]"""


def validate(data: Any) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA).validate(data)


@pytest.mark.parametrize("report", [Report(), FULL], ids=["empty", "full"])
def test_report_keeps_to_the_schema(report: Report) -> None:
    validate(json.loads(render("json", report)))


@pytest.mark.parametrize("options", [(), ("--without-database",), ("--strict",)])
def test_command_keeps_to_the_schema(used: Project, options: tuple[str, ...]) -> None:
    used.add(EVERYTHING)

    data = json.loads(used.check("--format", "json", *options).out)

    validate(data)
    assert data["database"] == (None if options == ("--without-database",) else used.connection.alias)


@pytest.mark.parametrize("options", [(), ("--without-database",)])
def test_sql_of_a_finding_has_its_values(used: Project, options: tuple[str, ...]) -> None:
    used.add('[migrations.AddField("Book", "rank", models.CharField(max_length=9, default="it\'s 5%"))]')

    (finding,) = json.loads(used.check("--format", "json", *options).out)["findings"]

    assert "DEFAULT 'it''s 5%' NOT NULL" in finding["sql"]


def test_every_key_of_a_finding(used: Project) -> None:
    used.add(UNSAFE)

    (finding,) = json.loads(used.check("--format", "json").out)["findings"]

    fingerprint, size = finding.pop("fingerprint"), finding.pop("bytes")
    assert len(fingerprint) == 32 and size > 0
    example = finding.pop("example")
    assert example.startswith("operations = [\n") and "db_column='pages'" in example
    assert finding == {
        "code": "ALTER_TABLE_RENAME_COLUMN",
        "severity": "refuse",
        "rule_severity": "refuse",
        "eased": None,
        "kind": "compatibility",
        "app": used.app,
        "migration": "0002_step",
        "path": f"{used.app}/migrations/0002_step.py",
        "line": 7,
        "operation": "RenameField",
        "operation_index": 0,
        "model": "Book",
        "field": "sheets",
        "table": f'"{used.app}_book"',
        "rows": None,
        "lock": "ACCESS EXCLUSIVE",
        "blocks": "reads and writes",
        "sql": f'ALTER TABLE "{used.app}_book" RENAME COLUMN "pages" TO "sheets"',
        "message": f'"pages" of "{used.app}_book" becomes "sheets"',
        "instead": finding["instead"],
        "accepted": None,
        "accept": None,
        "baselined": False,
    }


def test_summary_counts_what_counts(used: Project) -> None:
    used.add(EVERYTHING)

    summary = json.loads(used.check("--format", "json").out)["summary"]

    assert summary == {"refuse": 1, "warn": 1, "note": 0, "accepted": 0, "baselined": 0, "unanalysed": 1}
